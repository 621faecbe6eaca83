package deadletter

import (
	"cmp"
	"context"
	"fmt"
	"math"

	"golang.org/x/time/rate"

	"github.com/warren-mq/warren/internal/amqp/inspect"
)

// Discard removes the letters of the queue that the filter chooses, among those there
// are at the moment of the call. Each is given to audit first, for a log; it stays if
// that fails. Audit may be nil. See Replay for the result.
func (c *Client) Discard(ctx context.Context, queue string, filter Filter, audit func(Letter) error) (result Result, err error) {
	err = c.inspect(ctx, queue, func(i *inspect.Inspection) error {
		s := &sweep{inspection: i, queue: queue, filter: filter, pace: rate.NewLimiter(rate.Inf, 1)}
		s.act = func(_ context.Context, l *Letter) (func(context.Context) error, error) {
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

// Purge removes every letter of the queue, those included that arrive meanwhile, and
// returns how many. Export first what may be wanted.
func (c *Client) Purge(ctx context.Context, queue string) (n int, err error) {
	err = c.inspect(ctx, queue, func(i *inspect.Inspection) error {
		n, err = i.Purge()
		return err
	})
	return n, err
}
