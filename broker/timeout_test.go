package broker_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

// hanging is a codec whose store does not answer.
type hanging struct{ handler.Codec }

var errUnbounded = errors.New("the codec was not interrupted for an hour")

func (hanging) MarshalMessage(ctx context.Context, _ *message.Message, _ any) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(time.Hour):
		return errUnbounded
	}
}

func TestACodecThatHangsIsInterruptedAtThePublishTimeout(t *testing.T) {
	t.Parallel()
	for name, publish := range map[string]func(context.Context, *broker.Publisher, broker.Option) error{
		"Publish": func(ctx context.Context, p *broker.Publisher, o broker.Option) error {
			return p.Publish(ctx, "k", 1, o)
		},
		"PublishBatch": func(ctx context.Context, p *broker.Publisher, o broker.Option) error {
			return p.PublishBatch(ctx, broker.Item{Key: "k", Body: 1, Options: []broker.Option{o}})
		},
		"Call": func(ctx context.Context, p *broker.Publisher, o broker.Option) error {
			_, err := p.Call(ctx, "k", 1, o)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				dial := func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed }
				p := broker.NewPublisher(broker.Config{URL: "amqp://broker/", Dial: dial, PublishTimeout: time.Minute}, "events")
				began := time.Now()
				err := publish(t.Context(), p, broker.WithCodec(hanging{handler.JSON()}))
				if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != time.Minute {
					t.Errorf("got %v after %v, want context.DeadlineExceeded after 1m0s", err, took)
				}
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
