package job

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

// pool has the processes of a persistent Exec. There are never more of them than there
// have been messages in hand at a time.
type pool struct {
	exec    Exec
	closing chan struct{}
	inHand  sync.WaitGroup

	mu       sync.Mutex
	idle     []*coprocess // the last was used last
	closed   bool
	failures int       // in a row
	failedAt time.Time // the last of them
	startAt  time.Time // not before
}

func newPool(e Exec) *pool { return &pool{exec: e, closing: make(chan struct{})} }

// Handle gives m to a process that has nothing to do, or to a new one.
func (p *pool) Handle(ctx context.Context, m *message.Message) error {
	if err := p.enter(); err != nil {
		return err
	}
	defer p.inHand.Done()
	for {
		c, err := p.take(ctx)
		if err != nil {
			return err
		}
		a, err := p.ask(ctx, c, m)
		if errors.Is(err, errUnsent) {
			continue // it had ended while it was idle
		}
		if err != nil {
			return err
		}
		return a.outcome(p.exec.Command[0])
	}
}

func (p *pool) enter() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	p.inHand.Add(1)
	return nil
}

// ask has c answer m, and then keeps c, or ends it.
func (p *pool) ask(ctx context.Context, c *coprocess, m *message.Message) (answer, error) {
	ended := make(chan struct{})
	spare := context.AfterFunc(ctx, func() {
		defer close(ended)
		c.stop(c.exec.KillDelay)
	})
	a, err := c.ask(ctx, m)
	if !spare() {
		<-ended
	}
	if err == nil && ctx.Err() == nil {
		p.put(c)
		return a, nil
	}
	c.end()
	switch {
	case err == nil:
		return a, nil
	case errors.Is(err, errUnsent) && c.asked > 1:
		return a, err
	case errors.Is(err, errUnsent), errors.Is(err, errEnded):
		err = c.died(ctx)
	}
	if ctx.Err() == nil {
		p.failed(c.began)
	}
	p.exec.Logger.WarnContext(ctx, "job: process ended", "command", p.exec.Command[0], "message_id", m.ID, "error", err)
	return a, err
}

// take returns a process that is idle, or starts one. After failures it waits first.
func (p *pool) take(ctx context.Context) (*coprocess, error) {
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		c, pause := p.pick()
		switch {
		case c != nil:
			return c, nil
		case pause <= 0:
			return p.start()
		}
		if err := p.sleep(ctx, pause); err != nil {
			return nil, err
		}
	}
}

// pick returns an idle process that is alive, or how long to wait for a new one.
func (p *pool) pick() (*coprocess, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > 0 {
		last := len(p.idle) - 1
		c := p.idle[last]
		p.idle = p.idle[:last]
		select {
		case <-c.done:
			c.close()
		default:
			return c, 0
		}
	}
	return nil, time.Until(p.startAt)
}

func (p *pool) start() (*coprocess, error) {
	began := time.Now()
	c, err := startCoprocess(p.exec)
	if err != nil {
		p.failed(began)
		return nil, err
	}
	p.exec.Logger.Debug("job: process started", "command", p.exec.Command[0], "pid", c.cmd.Process.Pid)
	return c, nil
}

// sleep waits for a while, unless there is a reason to stop waiting.
func (p *pool) sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-handler.Stopping(ctx):
		return handler.ErrStopping
	case <-p.closing:
		return ErrClosed
	}
}

// put keeps c for the next message.
func (p *pool) put(c *coprocess) {
	p.mu.Lock()
	p.failures = 0
	p.startAt = time.Time{}
	closed := p.closed
	if !closed {
		p.idle = append(p.idle, c)
	}
	p.mu.Unlock()
	if closed {
		c.retire()
	}
}

// failed puts off the next start. Processes that began before the last failure was
// known are the same failure.
func (p *pool) failed(began time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !began.After(p.failedAt) {
		return
	}
	p.failures++
	p.failedAt = time.Now()
	p.startAt = p.failedAt.Add(p.exec.Backoff.Randomized(p.failures, rand.Float64()))
}

// Close ends the processes, each once it has nothing to do.
func (p *pool) Close() error {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	if !p.closed {
		p.closed = true
		close(p.closing)
	}
	p.mu.Unlock()
	var retired sync.WaitGroup
	for _, c := range idle {
		retired.Go(c.retire)
	}
	retired.Wait()
	p.inHand.Wait()
	return nil
}
