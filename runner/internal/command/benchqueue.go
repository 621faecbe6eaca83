package command

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// benchExpiry is the time after which the broker deletes the queue of a killed bench.
const benchExpiry = 10 * time.Minute

// declare declares the queue of the bench; remove deletes it.
func (b *bench) declare(ctx context.Context) (remove func() error, err error) {
	s, err := amqp.Dial(ctx, amqp.Config(b.broker), "bench")
	if err != nil {
		return nil, err
	}
	b.queue = "bench-" + rand.Text()
	err = s.Declare(ctx, topology.Topology{Queues: []topology.Queue{{Name: b.queue, Arguments: message.Headers{
		"x-queue-type": b.queueType, "x-expires": benchExpiry.Milliseconds(),
	}}}})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		_, err := s.DeleteQueue(ctx, b.queue)
		return errors.Join(err, s.Close())
	}, nil
}

// forEach calls do repeatedly in b.concurrency goroutines, until it was called count times,
// the duration is over, or do returns an error.
func (b *bench) forEach(ctx context.Context, do func(ctx context.Context, n int) error) error {
	end := time.Now().Add(b.duration)
	publishers, running := errgroup.WithContext(ctx)
	for n := range b.concurrency {
		publishers.Go(func() error {
			for running.Err() == nil && (b.duration == 0 || time.Now().Before(end)) && b.meter.claim(b.count) {
				began := time.Now()
				if err := do(running, n); err != nil {
					return fmt.Errorf("runner: bench: %w", err)
				}
				b.meter.record(time.Since(began))
			}
			return nil
		})
	}
	return errors.Join(publishers.Wait(), context.Cause(ctx))
}
