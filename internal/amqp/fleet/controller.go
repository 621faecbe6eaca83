package fleet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"

	"github.com/warren-mq/warren/internal/amqp"
)

// ErrNoAnswer is returned if a process does not answer a command in time. It may have
// executed the command.
var ErrNoAnswer = errors.New("fleet: the process does not answer")

// RefusedError is the error of a command that a process has refused or could not execute.
type RefusedError struct {
	Text    string
	Unknown bool // the process does not have the queue or the message
}

// Error returns the text of the process's answer.
func (e *RefusedError) Error() string { return e.Text }

// Controller sends commands to processes. It is safe for concurrent use.
type Controller struct {
	channel *channel
	over    chan struct{} // closed when no more answers come

	mu      sync.Mutex
	waiting map[string]waiter // by correlation id
}

type waiter struct {
	user   string // the process's
	answer chan *Answer
}

// Control returns a controller over the session. Close ends it.
func Control(ctx context.Context, s *amqp.Session) (*Controller, error) {
	c, err := open(ctx, s)
	if err != nil {
		return nil, err
	}
	co := &Controller{channel: c, over: make(chan struct{}), waiting: make(map[string]waiter)}
	go co.receive()
	return co, nil
}

// Close closes the controller's channel. It takes at most 5 s.
func (co *Controller) Close() error {
	if err := co.channel.close(); err != nil {
		return err // the session's end ends the goroutine: a blocked broker does not answer
	}
	<-co.over
	return nil
}

func (co *Controller) receive() {
	defer close(co.over)
	for d := range co.channel.deliveries {
		co.mu.Lock()
		w, ok := co.waiting[d.CorrelationId]
		if ok = ok && d.UserId == w.user; ok {
			delete(co.waiting, d.CorrelationId)
		}
		co.mu.Unlock()
		if !ok {
			continue
		}
		a := new(Answer)
		if err := decode(d.Body, MaxAnswer, a); err != nil {
			a = &Answer{Error: err.Error()}
		}
		a.bound()
		w.answer <- a
	}
}

// Send sends a command to a process and returns its answer. The error is a *RefusedError if
// the process has refused the command, and ErrNoAnswer if ctx is done before the answer.
func (co *Controller) Send(ctx context.Context, to Seen, c Command) (*Answer, error) {
	if to.Address == "" {
		return nil, errors.New("fleet: the process has no address for commands")
	}
	c.Format = Format
	c.bound()
	body, err := encode(c, MaxCommand)
	if err != nil {
		return nil, err
	}
	id, w := rand.Text(), waiter{to.User, make(chan *Answer, 1)}
	co.mu.Lock()
	co.waiting[id] = w
	co.mu.Unlock()
	defer func() {
		co.mu.Lock()
		defer co.mu.Unlock()
		delete(co.waiting, id)
	}()
	s := co.channel.session
	if err := s.Call(ctx, func() error { return co.channel.send(to.Address, id, body) }, func() error { return nil }); err != nil {
		return nil, err
	}
	select {
	case a := <-w.answer:
		if a.Error != "" {
			return a, &RefusedError{a.Error, a.Unknown}
		}
		return a, nil
	case <-co.over:
		return nil, fmt.Errorf("%w: the connection is lost", ErrNoAnswer)
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrNoAnswer, context.Cause(ctx))
	}
}
