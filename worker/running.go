package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/warren-mq/warren/fleet"
	fleetwire "github.com/warren-mq/warren/internal/amqp/fleet"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// running holds the messages in hand of one queue, so that they can be announced and cancelled.
// It is nil if the worker does not announce itself.
type running struct {
	mu  sync.Mutex
	all map[*runningMessage]struct{}
}

// runningMessage is a message in hand, with copies of its id and key, which the handler could change.
type runningMessage struct {
	attempt   *attempt
	id, key   string
	n         int
	began     time.Time
	goroutine int
	cancel    context.CancelCauseFunc
	by        string // who has cancelled it
}

func newRunning(enabled bool) *running {
	if !enabled {
		return nil
	}
	return &running{all: make(map[*runningMessage]struct{})}
}

// add gives the attempt a context that can be cancelled, until the returned function is
// called.
func (r *running) add(a *attempt, goroutine int) (remove func()) {
	if r == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancelCause(a.Context.Context)
	a.Context.Context = ctx //nolint:fatcontext // once for each attempt
	m := &runningMessage{attempt: a, id: a.Message.ID, key: a.Message.RoutingKey, n: a.Message.Attempt, began: time.Now(), goroutine: goroutine, cancel: cancel}
	r.mu.Lock()
	r.all[m] = struct{}{}
	r.mu.Unlock()
	return func() {
		r.mu.Lock()
		delete(r.all, m)
		r.mu.Unlock()
		m.cancel(nil)
	}
}

// goroutine returns the number of the calling goroutine, which runtime.Stack prints.
func (r *running) goroutine() int {
	if r == nil {
		return 0
	}
	line := make([]byte, 64)
	line = line[:runtime.Stack(line, false)]
	n, _ := number(line) // 0 has no stack
	return n
}

// number returns the number in the first line of a goroutine's stack.
func number(stack []byte) (int, bool) {
	rest, ok := bytes.CutPrefix(stack, []byte("goroutine "))
	digits, _, _ := bytes.Cut(rest, []byte(" "))
	n, err := strconv.Atoi(string(digits))
	return n, ok && err == nil
}

// list returns the messages with the id, or all if it is empty.
func (r *running) list(queue, id string) (all []fleetwire.InHand, goroutines []int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for m := range r.all {
		if id != "" && m.id != id {
			continue
		}
		goroutines = append(goroutines, m.goroutine)
		all = append(all, fleetwire.InHand{
			ID: m.id, Queue: queue, Handler: m.attempt.handler(), Key: m.key, Attempt: m.n, AgeMS: time.Since(m.began).Milliseconds(), Cancelled: m.by, Progress: m.attempt.progress(),
		})
	}
	return all, goroutines
}

// cancel cancels the messages with the id, and returns their number.
func (r *running) cancel(id string, why *cancelledError) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for m := range r.all {
		if m.id == id && id != "" {
			m.by = why.by
			m.cancel(why)
			n++
		}
	}
	return n
}

// cancelledError is the cause of the context of a handler whose message was cancelled.
type cancelledError struct{ by, verdict string }

func (e *cancelledError) Error() string {
	return fmt.Sprintf("worker: user %q has cancelled the message", e.by)
}

// Is reports whether target is fleet.ErrCancelled.
func (e *cancelledError) Is(target error) bool { return target == fleet.ErrCancelled }

// cancelled returns why the message of a was cancelled, or nil.
func cancelled(a *attempt) *cancelledError {
	why, _ := errors.AsType[*cancelledError](context.Cause(a))
	return why
}

// outcome returns the outcome that the user has chosen, unless the policy allows no further
// attempt. The error of the handler does not count.
func (e *cancelledError) outcome(err error, m *message.Message, p retry.Policy) Outcome {
	out := Outcome{Verdict: DeadLetter, Reason: message.ReasonError, Err: fmt.Errorf("%w: %w", e, err), Spent: true}
	if e.verdict == fleetwire.VerdictRetry && !p.Exhausted(m.Attempt) {
		out.Verdict, out.Delay = Retry, p.Randomized(m.Attempt, rand.Float64())
	}
	return out
}

// stacks returns the stacks of goroutines by number. It stops all goroutines meanwhile.
func stacks() map[int]string {
	const most = 32 << 20
	text := make([]byte, 1<<20)
	n := runtime.Stack(text, true)
	for n == len(text) && len(text) < most {
		text = make([]byte, 2*len(text))
		n = runtime.Stack(text, true)
	}
	all := make(map[int]string)
	for stack := range bytes.SplitSeq(text[:n], []byte("\n\n")) {
		if n, ok := number(stack); ok {
			all[n] = string(stack)
		}
	}
	return all
}
