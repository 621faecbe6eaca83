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

// maxBatch is the highest number of unconfirmed messages.
const maxBatch = 500

// publisher returns a publisher for an exchange. It connects once before, to return an
// error at once: a publisher would try again until startup_timeout is over.
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

// publishAll publishes in order and returns the ids of the confirmed messages. It stops
// after the first batch with a failure.
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

// pace returns the size of the batches and a limiter for --rate: about ten batches a
// second, or one batch for each message at low rates.
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
			return nil, fmt.Errorf("runner: generate a message id: %w", err)
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
			err = cause // only the first error is returned
		}
	}
	return confirmed, err
}
