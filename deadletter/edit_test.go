package deadletter_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/warren-mq/warren/deadletter"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

func TestEditedDeadLetterKeepsTheLink(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.failed(3)
	id, err := b.client.Edit(t.Context(), b.dlq, "letter-1", deadletter.Edit{
		Body: []byte(`{"n":10}`), Headers: message.Headers{"tenant": nil, "fixed": true}, By: "alice",
		Check: func(m *message.Message) error {
			if m.ContentType != "application/json" {
				return errors.New("not JSON")
			}
			return nil
		},
	})
	if err != nil || id == "" || id == "letter-1" {
		t.Fatalf("the new id is %q, %v", id, err)
	}
	if got := ids(b.read()); !slices.Equal(got, []string{"letter-0", "letter-2"}) {
		t.Errorf("left are %v", got)
	}
	var handled atomic.Pointer[message.Message]
	stop := b.run(func(_ context.Context, m *message.Message) error {
		handled.Store(m)
		return retry.Permanent(errors.New("still no good"))
	})
	b.eventually("it has failed again", func() bool { return b.depth(b.dlq) == 3 })
	stop()
	m := handled.Load()
	if m.ID != id || string(m.Body) != `{"n":10}` || m.Headers["tenant"] != nil || m.Headers["fixed"] != true || m.Attempt != 1 || m.RoutingKey != "user.signed_up" {
		t.Errorf("the handler got %+v", m)
	}
	l, err := b.client.Find(t.Context(), b.dlq, id)
	if err != nil || l.EditedFrom != "letter-1" || l.ReplayedBy != "alice" || l.ReplayedAt.IsZero() || len(l.History) != 1 || l.Error != "still no good" {
		t.Errorf("the dead letter is %+v, %v", l, err)
	}
}

func TestRefusedEditsKeepTheDeadLetter(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.failed(1)
	refusal := errors.New("n is missing")
	refuse := deadletter.Edit{Body: []byte("{}"), Check: func(*message.Message) error { return refusal }}
	if id, err := b.client.Edit(t.Context(), b.dlq, "letter-0", refuse); !errors.Is(err, refusal) || id != "" {
		t.Errorf("got %q, %v; want the check's error", id, err)
	}
	if id, err := b.client.Edit(t.Context(), b.dlq, "none", deadletter.Edit{}); !errors.Is(err, deadletter.ErrNotFound) || id != "" {
		t.Errorf("got %q, %v; want ErrNotFound", id, err)
	}
	if got := ids(b.read()); !slices.Equal(got, idsTo(1)) || b.depth(b.queue.Name) != 0 {
		t.Errorf("left are %v", got)
	}
}

// TestEditRefusesHeadersOfTheFramework: a canary's would have the edited message reported on,
// and without the routing key's the message would have another one.
func TestEditRefusesHeadersOfTheFramework(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.failed(1)
	for _, headers := range []message.Headers{
		{record.HeaderCanary: "q"}, {record.HeaderAttempt: int64(7)}, {record.HeaderRoutingKey: nil}, {"x-death": "q"},
	} {
		id, err := b.client.Edit(t.Context(), b.dlq, "letter-0", deadletter.Edit{Headers: headers})
		if err == nil || !strings.Contains(err.Error(), "is written by Warren or RabbitMQ itself") || id != "" {
			t.Errorf("%v: got %q, %v; want an error", headers, id, err)
		}
	}
	if got := ids(b.read()); !slices.Equal(got, idsTo(1)) || b.depth(b.queue.Name) != 0 {
		t.Errorf("left are %v", got)
	}
}
