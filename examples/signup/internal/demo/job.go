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
	cancel context.CancelFunc
	ended  chan struct{}
}

// errBusy is shown to who presses a second button.
var errBusy = errors.New("something is being done already: wait for its end")

// begin does f, unless something is being done.
func (j *job) begin(says string, f func(context.Context)) error {
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
		f(ctx)
		j.say("")
	}()
	return nil
}

// say tells how far it is.
func (j *job) say(text string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.says = text
}

// now is what is being done; empty if nothing is.
func (j *job) now() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.says
}

// stop ends what is being done, and waits for its end.
func (j *job) stop() {
	j.mu.Lock()
	cancel, ended := j.cancel, j.ended
	j.mu.Unlock()
	if cancel != nil {
		cancel()
		<-ended
	}
}
