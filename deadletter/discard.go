package deadletter

import (
	"cmp"
	"context"
	"fmt"
	"math"

	"golang.org/x/time/rate"

	"github.com/warren-mq/warren/internal/amqp/inspect"
)

// Discard removes the dead letters that match the filter. Dead letters that arrive after
// the call stay. Discard passes each one to audit first, for example to log it; if audit
// returns an error, the dead letter stays. Audit may be nil. For the result see Replay.
func (c *Client) Discard(ctx context.Context, queue string, filter Filter, audit func(DeadLetter) error) (result Result, err error) {
	err = c.inspect(ctx, queue, func(i *inspect.Inspection) error {
		s := &sweep{inspection: i, queue: queue, filter: filter, pace: rate.NewLimiter(rate.Inf, 1)}
		s.act = func(_ context.Context, l *DeadLetter) (func(context.Context) error, error) {
			if audit != nil {
				if err := audit(*l); err != nil {
					return nil, fmt.Errorf("%w: %w", errRefused, err)
				}
			}
			return func(context.Context) error { return nil }, nil
		}
		if err := s.begin(ctx); err != nil {
			return err
		}
		err := s.run(ctx, cmp.Or(filter.Limit, math.MaxInt))
		result = s.result
		return err
	})
	return result, err
}

// Purge removes every message of the queue, including those that arrive during the call,
// and returns the number removed. Export the queue first if you may need the messages.
func (c *Client) Purge(ctx context.Context, queue string) (n int, err error) {
	err = c.inspect(ctx, queue, func(i *inspect.Inspection) error {
		n, err = i.Purge()
		return err
	})
	return n, err
}
