// Package checkpoint lets a handler that runs for long continue where an earlier attempt of the
// same message stopped.
//
// A handler calls Load when it begins, and Save after each part of its work. When the worker
// stops, when the message is retried or snoozed, and when it is dead-lettered, the worker
// publishes a copy of the message with the last saved value as a header. The value is lost when the process is killed:
// the next attempt then loads the value that its message arrived with.
//
// At a stop the copy goes to the end of the queue. In a queue with SingleActive or Partitions the message keeps its
// place instead, and the worker records the value in a queue of its own, <queue>.stops: at the stop, and every 10 s while the
// handler runs. After a kill the next attempt loads the last value that was recorded.
//
// A stream, and a queue with HoldRetries and several active consumers, keep the message as well, and lose the value.
package checkpoint

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"sync"
)

// MaxBytes is the largest size of a value as JSON. It travels in a header.
const MaxBytes = 8 << 10

// Key is the key of a *State in a context. Load, Save and Progress use the State.
type Key struct{}

// NewContext returns a context that carries s, to test handlers that use this package.
func NewContext(ctx context.Context, s *State) context.Context {
	return context.WithValue(ctx, Key{}, s)
}

// Refuse returns a context in which Save returns an error with the reason why, and Load finds no value. A
// batch has it, because it has several messages.
func Refuse(ctx context.Context, why string) context.Context {
	return NewContext(ctx, &State{refused: fmt.Errorf("checkpoint: save: %s", why)})
}

// State is what a handler has saved for one message. The zero value has no checkpoint. It is safe
// for concurrent use.
type State struct {
	mu       sync.Mutex
	value    string // JSON
	progress float64
	refused  error // why Save fails; see Refuse
}

// NewState returns a State with the value of an earlier attempt, which is JSON. It may be empty.
func NewState(value string) *State { return &State{value: value} }

// Value returns the last value as JSON, or "" if there is none.
func (s *State) Value() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.value
}

// Progress returns the last argument of Progress.
func (s *State) Progress() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.progress
}

// Save keeps v, encoded as JSON, for the next attempt of the message. It replaces the value that
// was saved before. It returns an error in a batch, and if v cannot be encoded or has more than MaxBytes as JSON;
// the value before it is then kept. Save sends nothing: the value leaves the process with the
// copy of the message. Outside a worker Save has no effect.
func Save(ctx context.Context, v any) error {
	value, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("checkpoint: save: %w", err)
	}
	if len(value) > MaxBytes {
		return fmt.Errorf("checkpoint: save: the value has %d bytes as JSON, want at most %d", len(value), MaxBytes)
	}
	if s := state(ctx); s != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.refused != nil {
			return s.refused
		}
		s.value = string(value)
	}
	return nil
}

// Load decodes the last saved value into v, which is a pointer. It returns false, and leaves v as it is, if the message
// has none. It returns an error if the value does not fit v, such as after a change of its
// type: begin anew then, or return a permanent error.
func Load(ctx context.Context, v any) (found bool, err error) {
	s := state(ctx)
	if s == nil || s.Value() == "" {
		return false, nil
	}
	if err := json.Unmarshal([]byte(s.Value()), v); err != nil {
		return false, fmt.Errorf("checkpoint: load: %w", err)
	}
	return true, nil
}

// Progress says which part of the work is done, from 0 to 1. The fleet's announcements show it
// beside the message in hand. Values out of range are brought into it, and NaN is 0.
func Progress(ctx context.Context, done float64) {
	if math.IsNaN(done) {
		done = 0
	}
	if s := state(ctx); s != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.progress = min(max(done, 0), 1)
	}
}

func state(ctx context.Context) *State {
	s, _ := ctx.Value(Key{}).(*State)
	return s
}
