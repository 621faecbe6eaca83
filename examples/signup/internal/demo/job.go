package demo

import (
	"context"
	"errors"
	"sync"
)

// job runs actions that take longer than a request, one at a time. The zero value is ready
// to use.
type job struct {
	mu     sync.Mutex
	says   string // the progress; empty if no action is running
	result string // the result of the last action
	cancel context.CancelFunc
	ended  chan struct{}
}

// errBusy is returned when an action is started while another is running.
var errBusy = errors.New("another action is running: wait until it ends, or stop it")

// begin runs f, which returns its result as a sentence, in the background. It returns
// errBusy if an action is running.
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

// say sets the progress.
func (j *job) say(text string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.says = text
}

// now returns the progress of the running action, or "", and the result of the last one.
func (j *job) now() (says, result string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.says, j.result
}

// stop cancels the running action. The returned channel is closed when the action has ended.
// It is nil if no action was ever started.
func (j *job) stop() (ended <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.cancel == nil {
		return nil
	}
	j.cancel()
	return j.ended
}
