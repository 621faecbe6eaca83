package command

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/runner/internal/config"
)

// maxBatch is how many messages are on their way at a time.
const maxBatch = 500

// publisher is ready to publish to an exchange. It connects first to say at once what
// stands in the way: by itself it would try again for the whole start-up time.
func (p *Program) publisher(ctx context.Context, c *config.Config, exchange string) (*broker.Publisher, error) {
	b, err := p.broker(ctx, c)
	if err != nil {
		return nil, err
	}
	s, err := amqp.Dial(ctx, amqp.Config(b), "command")
	if err != nil {
		return nil, err
	}
	return broker.NewPublisher(b, exchange), s.Close()
}

// publishAll publishes in order and returns the ids of what was confirmed. It ends with
// the first batch of which something failed.
func (p *Program) publishAll(ctx context.Context, pub *broker.Publisher, w publishing, body []byte) (ids []string, err error) {
	batch, limiter := w.pace()
	bar := p.progress(w.count, "publishing")
	defer bar.end()
	for len(ids) < w.count {
		n := min(batch, w.count-len(ids))
		if err := limiter.WaitN(ctx, n); err != nil {
			return ids, fmt.Errorf("runner: publish: %w", context.Cause(ctx))
		}
		confirmed, err := publishBatch(ctx, pub, w, body, n)
		ids = append(ids, confirmed...)
		bar.add(len(confirmed))
		if err != nil {
			return ids, err
		}
	}
	return ids, nil
}

// pace keeps to --rate with about ten batches a second, or one for each message.
func (w publishing) pace() (batch int, limiter *rate.Limiter) {
	if w.rate == 0 {
		return maxBatch, rate.NewLimiter(rate.Inf, 0)
	}
	batch = int(min(max(w.rate/10, 1), maxBatch))
	return batch, rate.NewLimiter(rate.Limit(w.rate), batch)
}

func publishBatch(ctx context.Context, pub *broker.Publisher, w publishing, body []byte, n int) (confirmed []string, err error) {
	ids, items := make([]string, n), make([]broker.Item, n)
	options := w.options(body)
	for i := range n {
		id, err := uuid.NewV7()
		if err != nil {
			return nil, fmt.Errorf("runner: message id: %w", err)
		}
		ids[i] = id.String()
		items[i] = broker.Item{Key: w.key, Body: body, Options: append(slices.Clip(options), broker.WithMessageID(ids[i]))}
	}
	failed := new(broker.BatchError)
	if err = pub.PublishBatch(ctx, items...); err != nil && !errors.As(err, &failed) {
		return nil, err
	}
	for i, id := range ids {
		switch cause := failed.Failed[i]; {
		case cause == nil:
			confirmed = append(confirmed, id)
		case len(confirmed) == i:
			err = cause // of the first: the caller counts
		}
	}
	return confirmed, err
}
