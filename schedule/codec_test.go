package schedule_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/codec"
	"github.com/warren-mq/warren/codec/seal"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/schedule"
)

// TestTheBodyOfATickIsEncodedForItsMessage: a seal is bound to the message id.
func TestTheBodyOfATickIsEncodedForItsMessage(t *testing.T) {
	t.Parallel()
	ring, err := seal.NewRing(seal.NewKey("2026"))
	if err != nil {
		t.Fatal(err)
	}
	bodies := codec.New(handler.Raw(), seal.Encoding(ring))
	inBubble(t, devbroker.Config{}, func(b *bubble) {
		b.declare("reports", nil)
		r := b.run([]schedule.Entry{{Name: "sealed", Cron: "@every 1h", Key: "reports", Body: map[string]any{"days": 7}, Codec: bodies}})
		time.Sleep(150 * time.Minute)
		if _, err := r.RunNow(b.t.Context(), "sealed"); err != nil {
			b.t.Error(err)
		}
		r.end()
		got := b.broker.Messages("/", "reports")
		for _, m := range got {
			opened, _, err := bodies.OpenMessage(b.t.Context(), &message.Message{ID: m.MessageID, ContentType: m.ContentType, ContentEncoding: m.ContentEncoding, Body: m.Body})
			if err != nil || string(opened.Body) != `{"days":7}` || m.ContentType != "application/json" {
				b.t.Errorf("%s: got %v and %v, want the sealed body", m.MessageID, opened, err)
			}
		}
		if len(got) != 3 {
			b.t.Errorf("got %d messages, want 2 ticks and 1 run", len(got))
		}
	})
}

// failing is a codec that fails a number of times, and counts the bodies that it has stored.
type failing struct {
	handler.Codec

	failures, stored int
}

func (f *failing) MarshalMessage(_ context.Context, m *message.Message, v any) error {
	if f.failures > 0 {
		f.failures--
		return errors.New("the store is away")
	}
	f.stored++
	m.Body, _ = v.([]byte)
	return nil
}

func (f *failing) Unsent(context.Context, *message.Message) { f.stored-- }

// TestABodyThatCannotBeEncodedIsPublishedLater, and what a codec has stored for a message that
// no queue takes is given back.
func TestABodyThatCannotBeEncodedIsPublishedLater(t *testing.T) {
	t.Parallel()
	inBubble(t, devbroker.Config{}, func(b *bubble) {
		b.declare("reports", nil)
		away, unrouted := &failing{Codec: handler.Raw(), failures: 3}, &failing{Codec: handler.Raw()}
		r := b.run([]schedule.Entry{
			{Name: "away", Cron: "@every 1h", Key: "reports", Codec: away},
			{Name: "unrouted", Cron: "@every 1h", Key: "nowhere", Codec: unrouted},
		})
		time.Sleep(90 * time.Minute)
		r.end()
		if n := len(b.ids("reports")); n != 1 || away.stored != 1 {
			b.t.Errorf("%d ticks were published with %d stored bodies, want 1 after 3 failures", n, away.stored)
		}
		if unrouted.stored != 0 {
			b.t.Errorf("%d bodies of messages that no queue has are stored, want none", unrouted.stored)
		}
		if len(seen[schedule.Failed](r)) < 4 {
			b.t.Error("the failures are no events")
		}
	})
}

// panicking is a codec that panics.
type panicking struct{ handler.Codec }

func (panicking) MarshalMessage(context.Context, *message.Message, any) error { panic("no codec") }

// Panics are failures of the tick, and logged.
func TestOtherEntriesRunAfterAPanicOfACodecOrOnEvent(t *testing.T) {
	t.Parallel()
	inBubble(t, devbroker.Config{}, func(b *bubble) {
		b.declare("reports", nil)
		r := b.run([]schedule.Entry{
			{Name: "panics", Cron: "@every 1h", Key: "reports", Codec: panicking{handler.Raw()}},
			{Name: "works", Cron: "@every 1h", Key: "reports"},
		}, func(c *schedule.Config) {
			note := c.OnEvent
			c.OnEvent = func(e schedule.Event) {
				note(e)
				panic("no event")
			}
		})
		time.Sleep(90 * time.Minute)
		r.end()
		if n := len(b.ids("reports")); n != 1 {
			b.t.Errorf("%d ticks were published, want 1", n)
		}
		if all := seen[schedule.Failed](r); len(all) == 0 || all[0].Entry != "panics" || !strings.Contains(all[0].Err.Error(), "panic: no codec") {
			b.t.Errorf("the failures are %v, want the panic of the codec", all)
		}
	})
}
