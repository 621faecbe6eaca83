package broker

import (
	"context"
	"fmt"

	"github.com/warren-mq/warren/internal/amqp"
)

// Item is one message of a batch.
type Item struct {
	Key     string
	Body    any
	Options []Option
}

// BatchError gives the errors of the messages of a batch that failed, by their index. The
// other messages were confirmed.
type BatchError struct {
	Failed map[int]error
	Total  int
}

// Error gives the number of failed messages and one of the causes.
func (e *BatchError) Error() string {
	for i := range e.Total {
		if err := e.Failed[i]; err != nil {
			return fmt.Sprintf("broker: %d of %d messages were not published; number %d: %v", len(e.Failed), e.Total, i, err)
		}
	}
	return "broker: batch failed"
}

// Unwrap returns the causes, for errors.Is.
func (e *BatchError) Unwrap() []error {
	errs := make([]error, 0, len(e.Failed))
	for i := range e.Total {
		if err := e.Failed[i]; err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// PublishBatch publishes items in order, without waiting for one confirm before the next
// message. It returns when the results of all messages are known: nil if every message was
// confirmed and routed, otherwise a *BatchError.
func (p *Publisher) PublishBatch(ctx context.Context, items ...Item) error {
	sender, err := p.live()
	if err != nil {
		return err
	}
	ctx, cancel := sender.Bounded(ctx)
	defer cancel()
	failed := make(map[int]error)
	waits := make([]func() error, len(items))
	for i, item := range items {
		waits[i] = p.startItem(ctx, sender, item)
	}
	for i, wait := range waits {
		if err := wait(); err != nil {
			failed[i] = err
		}
	}
	if len(failed) > 0 {
		return &BatchError{Failed: failed, Total: len(items)}
	}
	return nil
}

// startItem sends one message and returns a function that waits for the result.
func (p *Publisher) startItem(ctx context.Context, sender *amqp.Sender, item Item) func() error {
	out, err := newOutgoing(ctx, p.exchange, item)
	if err != nil {
		return func() error { return err }
	}
	wait, err := p.start(ctx, sender, &out)
	if err != nil {
		return func() error { return err }
	}
	return wait
}

// start sends one message and returns a function that waits for the result.
func (p *Publisher) start(ctx context.Context, sender *amqp.Sender, out *outgoing) (wait func() error, err error) {
	ctx, span := p.tracer.Start(ctx, &out.message)
	finish := func(err error) error {
		span.End(err)
		if err != nil {
			out.failed(ctx, err)
		}
		return err
	}
	exchange, key, err := p.address(ctx, sender, out)
	if err != nil {
		return nil, finish(amqp.PublishError(p.exchange, out.key, err))
	}
	confirmed, err := sender.Start(ctx, exchange, key, &out.message)
	if err != nil {
		return nil, finish(err)
	}
	return func() error { return finish(confirmed(ctx)) }, nil
}
