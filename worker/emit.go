package worker

import (
	"context"
	"errors"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/emit"
	"github.com/warren-mq/warren/message"
)

// errLeft drops what a handler has emitted that a middleware did not wait for.
var errLeft = errors.New("worker: the handler returned after the outcome of its message was decided")

// call calls the handler, and publishes what it has emitted if it returns nil. Middleware sees
// an unconfirmed message as an error of the handler.
func (a *attempt) call(ctx context.Context, h handler.Handler, m *message.Message) error {
	own := a.begin()
	if own != nil {
		ctx = context.WithValue(ctx, emit.Key{}, own)
	}
	err := safely(func() error { return h.Handle(ctx, m) })
	c, over := a.end(own)
	if err == nil && over {
		err = errLeft
	}
	return c.Finish(ctx, err)
}

// begin begins a run of the handler. If a middleware did not wait for the run before, or runs
// several at once, it returns a collector of the run's own.
func (a *attempt) begin() (own *emit.Collector) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.handling {
		return emit.New(a.origin())
	}
	a.handling, a.emits = true, nil
	return nil
}

// end ends the run that has the collector own, or the run that began first. It returns the
// collector, and whether the outcome is decided.
func (a *attempt) end(own *emit.Collector) (c *emit.Collector, over bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if own != nil {
		return own, a.over
	}
	a.handling = false
	return a.emits, a.over
}

// decided drops everything that is emitted from now on.
func (a *attempt) decided() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over = true
}

// collector returns what collects the messages that the running handler emits. It is nil if
// none runs.
func (a *attempt) collector() *emit.Collector {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.handling || a.over {
		return nil
	}
	if a.emits == nil {
		a.emits = emit.New(a.origin())
	}
	return a.emits
}

// origin must be called with the lock.
func (a *attempt) origin() emit.Origin {
	return emit.Origin{MessageID: a.Message.ID, Queue: a.Message.Queue, Handler: a.pattern}
}

func (a *attempt) emitted() []*message.Message {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.emits.Published()
}
