package demo

import (
	"context"
	"errors"
	"sync"
)

// job is what takes longer: one thing at a time. The zero value does nothing.
type job struct {
	mu     sync.Mutex
	says   string // how far it is; empty if nothing is done
	result string // what came of the last
	cancel context.CancelFunc
	ended  chan struct{}
}

// errBusy is shown to who presses a second button.
var errBusy = errors.New("something is being done already: wait for its end, or stop it")

// begin does f, which says what came of it, unless something is being done.
func (j *job) begin(says string, f func(context.Context) string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.says != "" {
		return errBusy
	}
	ctx, cancel := context.WithCancel(context.Background())
	j.says, j.cancel, j.ended = says, cancel, make(chan struct{})
	ended := j.ended
	go func() {
		defer close(ended)
		defer cancel()
		result := f(ctx)
		j.mu.Lock()
		defer j.mu.Unlock()
		j.says, j.result = "", result
	}()
	return nil
}

// say tells how far it is.
func (j *job) say(text string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.says = text
}

// now is what is being done, empty if nothing is, and what came of the last.
func (j *job) now() (says, result string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.says, j.result
}

// stop ends what is being done. The channel is closed when it has ended; nil if nothing
// was ever done.
func (j *job) stop() (ended <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.cancel == nil {
		return nil
	}
	j.cancel()
	return j.ended
}
