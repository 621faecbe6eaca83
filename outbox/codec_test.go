package outbox_test

import (
	"bytes"
	"testing"

	"github.com/warren-mq/warren/codec"
	"github.com/warren-mq/warren/codec/seal"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/outbox"
)

// TestACodecEncodesTheBodyBeforeItIsWritten seals a body: the database and the broker have it
// sealed, with the message id to which the seal is bound.
func TestACodecEncodesTheBodyBeforeItIsWritten(t *testing.T) {
	t.Parallel()
	ring, err := seal.NewRing(seal.NewKey("2026"))
	check(t, err)
	bodies := codec.New(handler.JSON(), codec.Gzip(codec.Limits{MinBytes: -1}), seal.Encoding(ring))
	onEach(t, func(t *testing.T, s *store) {
		url := rabbit.URL(t)
		name, got := queue(t, url)
		text := string(bytes.Repeat([]byte("alice"), 100))
		write(t.Context(), t, s, true, outbox.Message{Key: name, Body: text, Codec: bodies, Type: "mail"})
		var stored []byte
		check(t, s.QueryRowContext(t.Context(), "SELECT body FROM warren_outbox").Scan(&stored))
		r := s.relay(t, url)
		got.await(t, 1)
		r.drained()
		d := got.list()[0]
		if !bytes.Equal(stored, d.Body) || bytes.Contains(stored, []byte("alice")) || d.ContentEncoding != "gzip, sealed" || d.ContentType != "application/json" {
			t.Errorf("the message came as %+v", d)
		}
		m := &message.Message{ID: d.MessageId, Type: d.Type, ContentType: d.ContentType, ContentEncoding: d.ContentEncoding, Body: d.Body}
		opened, _, err := bodies.OpenMessage(t.Context(), m)
		if err != nil || string(opened.Body) != `"`+text+`"` {
			t.Errorf("got %+v, %v", opened, err)
		}
	})
}
