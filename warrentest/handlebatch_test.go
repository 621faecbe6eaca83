package warrentest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/warrentest"
	"github.com/warren-mq/warren/worker"
)

func TestHandleBatchReturnsTheErrorOfEachItem(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		fn   func([]SignedUp) error
		want []string // empty for nil
	}{
		{"none fails", func([]SignedUp) error { return nil }, []string{"", "", ""}},
		{"one is named", func([]SignedUp) error { return handler.BatchError{1: errBounced} }, []string{"", "bounced", ""}},
		{"one fails each call that has it", func(all []SignedUp) error {
			if slices.Contains(all, SignedUp{"b"}) {
				return errBounced
			}
			return nil
		}, []string{"", "bounced", ""}},
		{"all fail", func(all []SignedUp) error { return fmt.Errorf("%d bounced", len(all)) }, []string{"1 bounced", "1 bounced", "1 bounced"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := handler.Batch(func(_ context.Context, all []SignedUp) error { return tt.fn(all) })
			got := warrentest.HandleBatch(t, h, SignedUp{"a"}, SignedUp{"b"}, SignedUp{"c"})
			for i, want := range tt.want {
				if want == "" && got[i] != nil || want != "" && !contains(got[i], want) && !errors.Is(got[i], errBounced) {
					t.Errorf("item %d: error %v, want %q", i, got[i], want)
				}
			}
		})
	}
}

func TestHandleBatchDecodesEachBody(t *testing.T) {
	t.Parallel()
	pub := broker.NewPublisher(broker.Config{}, "shop")
	h := handler.Batch(func(ctx context.Context, all []SignedUp) error {
		if err := pub.Emit(ctx, "key", 1); !errors.Is(err, broker.ErrNoHandler) {
			t.Errorf("Emit returned %v, want ErrNoHandler", err)
		}
		if len(all) != 1 || message.FromContext(ctx).Attempt != 1 {
			t.Errorf("got %v in attempt %d, want one item in attempt 1", all, message.FromContext(ctx).Attempt)
		}
		return nil
	})
	got := warrentest.HandleBatch(t, h, map[string]int{"email": 7}, SignedUp{"a"})
	if _, undecodable := errors.AsType[*handler.DecodeError](got[0]); !undecodable || got[1] != nil {
		t.Errorf("got %v, want an error of decoding and nil", got)
	}
}

// TestBatchesOnTheBrokerInMemory: each message of a batch has its own outcomes.
func TestBatchesOnTheBrokerInMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := warrentest.NewBroker(t)
		w := worker.New(worker.Config{Broker: b.Config()})
		h := handler.Batch(func(_ context.Context, all []SignedUp) error {
			if i := slices.Index(all, SignedUp{"b"}); i >= 0 {
				return handler.BatchError{i: errBounced}
			}
			return nil
		})
		w.Queue(worker.Queue{Name: "email", Exchange: "events"}).HandleBatch("#", h, 10, time.Second)
		run := warrentest.Run(t, w)
		for _, who := range []string{"a", "b", "c"} {
			b.Publish("events", "key", SignedUp{who}, broker.WithMessageID(who))
		}
		run.WaitSettled("email", 3)
		for who, want := range map[string]worker.Verdict{"a": worker.Ack, "b": worker.Retry, "c": worker.Ack} {
			if got := run.Outcomes("email", who); got[0].Verdict != want {
				t.Errorf("%s: %v, want %v", who, got[0], want)
			}
		}
	})
}
