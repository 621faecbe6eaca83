package job

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

// pool runs the processes of a persistent Exec. It has at most as many processes as there
// were messages handled at the same time.
type pool struct {
	exec    Exec
	closing chan struct{}
	inHand  sync.WaitGroup

	mu       sync.Mutex
	idle     []*coprocess // in the order of their last use
	closed   bool
	failures int       // consecutive failures
	failedAt time.Time // the time of the last failure
	startAt  time.Time // the earliest time of the next start
}

func newPool(e Exec) *pool { return &pool{exec: e, closing: make(chan struct{})} }

// respond handles m.
func (p *pool) respond(ctx context.Context, m *message.Message) (*message.Message, error) {
	a, began, err := p.answer(ctx, p.exec.about(ctx, m))
	switch {
	case !began:
		return nil, err
	case err == nil:
		err = p.conclude(ctx, a)
	}
	return a.reply(), p.exec.unlessStopping(ctx, err)
}

// answer sends q to an idle process, or to a new one. It reports whether a process got it.
func (p *pool) answer(ctx context.Context, q question) (a answer, began bool, err error) {
	if err := p.enter(); err != nil {
		return a, false, err
	}
	defer p.inHand.Done()
	for {
		c, err := p.take(ctx)
		if err != nil {
			return a, false, err
		}
		a, err := p.ask(ctx, c, q)
		if errors.Is(err, errUnsent) {
			continue // the process ended while it was idle
		}
		return a, true, err
	}
}

// conclude returns the outcome of a, and emits its messages.
func (p *pool) conclude(ctx context.Context, a answer) error {
	if len(a.emitted) == 0 {
		return a.outcome(p.exec.Command[0])
	}
	if err := p.exec.Emits.emit(ctx, a.emitted); err != nil {
		return fmt.Errorf("job: %s: emit the messages of the answer: %w", p.exec.Command[0], err)
	}
	return nil
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

// ask sends q to c and waits for the answer. Then it puts c back, or ends it. A failure of a batch with
// several messages delays no start: its parts follow, and one of them may be without the cause.
func (p *pool) ask(ctx context.Context, c *coprocess, q question) (answer, error) {
	ended := make(chan struct{})
	spare := context.AfterFunc(ctx, func() {
		defer close(ended)
		c.stop(ctx, c.exec.KillDelay)
	})
	end := c.endAtStop(ctx)
	a, err := c.ask(ctx, q)
	end()
	if !spare() {
		<-ended
	}
	if err == nil && ctx.Err() == nil {
		p.put(c)
		return a, nil
	}
	c.end(ctx)
	switch {
	case err == nil:
		return a, nil
	case errors.Is(err, errUnsent) && c.asked > 1:
		return a, err
	case errors.Is(err, errUnsent), errors.Is(err, errEnded):
		err = c.died(ctx)
	}
	if ctx.Err() == nil && !q.several {
		p.failed(c.began)
	}
	p.exec.Logger.WarnContext(ctx, "job: process ended", "command", p.exec.Command[0], "message_id", q.messageID, "error", err)
	return a, err
}

// take returns an idle process or starts one. After failures it waits before the start.
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

// pick returns an idle process that is running, or how long to wait before a new one is
// started.
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

// sleep waits for d. It returns early with an error if ctx is done, the worker is stopping
// or the pool is closed.
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

// put makes c idle, or ends it if the pool is closed.
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

// failed delays the next start. Processes that began before the last failure count as the
// same failure.
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

// Close ends the processes, each once it is idle, and waits for them.
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
