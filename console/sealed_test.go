package console_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/codec"
	"github.com/warren-mq/warren/codec/seal"
	"github.com/warren-mq/warren/console"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

func TestSealedDeadLettersAreShownOnlyWithTheirKey(t *testing.T) {
	t.Parallel()
	ring, err := seal.NewRing(seal.NewKey("2026"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		keys   *seal.Ring
		shown  string
		hidden string
	}{
		{nil, "The body is sealed, key id 2026.", "alice"},
		{ring, "alice@example.com", "key id"},
	} {
		b := newBench(t, func(c *console.Config) { c.Keys = tt.keys })
		stop := b.run(func(context.Context, *message.Message) error { return retry.Permanent(errors.New("mailbox full")) })
		bodies := codec.New(handler.JSON(), codec.Gzip(codec.Limits{MinBytes: -1}), seal.Encoding(ring))
		b.publish("alice@example.com", broker.WithMessageID("mail-1"), broker.WithCodec(bodies))
		b.eventually("the message is a dead letter", func() bool { return rabbit.Depth(t, b.channel, b.dlq) == 1 })
		stop()
		page := b.page("deadletters/" + b.queue + "/letter?id=mail-1")
		if !strings.Contains(page, tt.shown) || strings.Contains(page, tt.hidden) {
			t.Errorf("the page does not show %q, or shows %q:\n%s", tt.shown, tt.hidden, page)
		}
		status, text := b.request(http.MethodGet, "deadletters/"+b.queue+"/edit?id=mail-1", nil)
		if status != http.StatusUnprocessableEntity || !strings.Contains(text, "cannot be edited") {
			t.Errorf("editing a sealed body: status %d: %s", status, text)
		}
	}
}

func TestCompressedDeadLettersAreShownDecompressed(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	stop := b.run(func(context.Context, *message.Message) error { return retry.Permanent(errors.New("mailbox full")) })
	text := strings.Repeat("alice@example.com ", 100)
	b.publish(text, broker.WithMessageID("mail-1"), broker.WithCodec(codec.New(handler.JSON(), codec.Gzip(codec.Limits{}))))
	b.eventually("the message is a dead letter", func() bool { return rabbit.Depth(t, b.channel, b.dlq) == 1 })
	stop()
	for _, path := range []string{"/letter?id=mail-1", "/edit?id=mail-1"} {
		if page := b.page("deadletters/" + b.queue + path); !strings.Contains(page, text) {
			t.Errorf("%s does not show the text:\n%s", path, page)
		}
	}
}
