package seal_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/codec"
	"github.com/warren-mq/warren/codec/seal"
	"github.com/warren-mq/warren/deadletter"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/warrentest"
	"github.com/warren-mq/warren/worker"
)

// TestRetriesAndDeadLettersStaySealed fails a message twice, reads it as a dead letter, and
// replays it to a handler that succeeds.
func TestRetriesAndDeadLettersStaySealed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := warrentest.NewBroker(t)
		bodies := codec.New(handler.JSON(), codec.Gzip(codec.Limits{MinBytes: -1}), seal.Encoding(ring(t, seal.NewKey("2026"))))
		var got []string
		fault := errors.New("the mail server is down")
		w := worker.New(worker.Config{Broker: b.Config()})
		policy := retry.Policy{MaxAttempts: 2, InitialInterval: time.Second}
		w.Queue(worker.Queue{Name: "mails", Retry: policy}).Handle("#", handler.Typed(func(_ context.Context, email string) error {
			got = append(got, email)
			if len(got) > 2 {
				return nil
			}
			return fault
		}, handler.WithCodec(bodies)))
		run := warrentest.Run(t, w)
		b.Publish("", "mails", "alice@example.com", broker.WithMessageID("id-1"), broker.WithCodec(bodies))
		b.WaitIdle()
		dead := b.DeadLetters("mails")
		if len(dead) != 1 || dead[0].ContentEncoding != "sealed" || bytes.Contains(dead[0].Body, []byte("alice")) {
			t.Fatalf("the dead letters are %+v, want a sealed one", dead)
		}
		client := deadletter.New(b.Config())
		_, err := client.Edit(t.Context(), "mails.dlq", "id-1", deadletter.Edit{Headers: message.Headers{"a": "b"}})
		if err == nil || len(b.DeadLetters("mails")) != 1 {
			t.Errorf("a sealed dead letter was edited: %v", err)
		}
		if _, err := client.Replay(t.Context(), "mails.dlq", deadletter.Replay{}); err != nil {
			t.Error(err)
		}
		b.WaitIdle()
		if err := run.Stop(); err != nil {
			t.Error(err)
		}
		if len(got) != 3 || got[2] != "alice@example.com" || len(b.DeadLetters("mails")) != 0 {
			t.Errorf("the handler got %q, want the address three times", got)
		}
	})
}
