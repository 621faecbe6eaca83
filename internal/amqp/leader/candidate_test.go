package leader_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/amqp/leader"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
)

// leadership is a token and a queue of the test's own.
type leadership struct {
	t     *testing.T
	token leader.Token
	queue string
	ch    *amqp091.Channel
}

func newLeadership(t *testing.T) *leadership {
	t.Helper()
	ch := rabbit.Channel(t, rabbit.URL(t))
	name := rabbit.Queue(t)
	l := &leadership{t: t, token: leader.Token{Queue: name + "-token", Copy: name + "-copy"}, queue: name, ch: ch}
	if _, err := ch.QueueDeclare(name, true, false, false, false, amqp091.Table{"x-queue-type": "quorum"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ch := rabbit.Channel(t, rabbit.URL(t))
		for _, queue := range []string{name, l.token.Queue, l.token.Copy} {
			if _, err := ch.QueueDelete(queue, false, false, false); err != nil {
				t.Error(err)
			}
		}
	})
	return l
}

func (l *leadership) session() *amqp.Session {
	l.t.Helper()
	s, err := amqp.Dial(l.t.Context(), amqp.Config{URL: rabbit.URL(l.t), Dial: rabbit.Dial}, "test")
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			l.t.Error(err)
		}
	})
	return s
}

// join makes a candidate with an announcement.
func (l *leadership) join(announcement string) *leader.Candidate {
	l.t.Helper()
	lead, err := leader.Join(l.t.Context(), l.session(), l.token, []byte(announcement))
	if err != nil {
		l.t.Fatal(err)
	}
	return lead
}

// win waits until the candidate leads, and returns what it finds, sorted.
func (l *leadership) win(lead *leader.Candidate) (messages []string) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), time.Minute)
	defer cancel()
	all, err := lead.Win(ctx)
	if err != nil {
		l.t.Fatal(err)
	}
	for _, s := range all {
		messages = append(messages, string(s))
	}
	slices.Sort(messages)
	return messages
}

// receive returns what comes to the leader next.
func (l *leadership) receive(lead *leader.Candidate) string {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), time.Minute)
	defer cancel()
	messages, err := lead.Receive(ctx)
	if err != nil {
		l.t.Fatal(err)
	}
	return string(messages)
}

// read is what the copy says.
func (l *leadership) read(s *amqp.Session) string {
	l.t.Helper()
	var body []byte
	rabbit.Eventually(l.t, time.Minute, func() (ok bool) {
		var err error
		if body, ok, err = leader.ReadToken(l.t.Context(), s, l.token); err != nil {
			l.t.Fatal(err)
		}
		return ok
	}, "there is a token to be read")
	return string(body)
}

func (l *leadership) want(what, got, want string) {
	l.t.Helper()
	if got != want {
		l.t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func TestOneLeadsAndTheNextGoesOnWhereItStopped(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		l := newLeadership(t)
		reader := l.session()
		if _, ok, err := leader.ReadToken(t.Context(), reader, l.token); ok || err != nil {
			t.Errorf("before all the token is %v, %v, want none", ok, err)
		}
		first := l.join("I am first")
		l.want("the first finds", strings.Join(l.win(first), ", "), "I am first")
		second := l.join("I am second")
		l.want("the first receives", l.receive(first), "I am second")

		m := &message.Message{ID: "1", RoutingKey: l.queue, Body: []byte("tick")}
		if err := first.Commit(t.Context(), []byte("token 1"), m); err != nil {
			t.Fatal(err)
		}
		l.want("the token says", l.read(reader), "token 1")
		l.want("the leader receives", l.receive(first), "token 1")
		if err := first.Commit(t.Context(), []byte("token 2"), nil); err != nil {
			t.Fatal(err)
		}
		l.want("the token says", l.read(reader), "token 2")
		if n := rabbit.Depth(t, l.ch, l.queue); n != 1 {
			t.Errorf("%d messages are published, want 1", n)
		}

		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		l.want("the second finds", strings.Join(l.win(second), ", "), "token 2")
		if err := first.Commit(t.Context(), []byte("token 3"), m); !errors.Is(err, amqp.ErrNotConnected) || first.Err() == nil {
			t.Errorf("who has left commits with %v, want not connected", err)
		}
		l.want("the token still says", l.read(reader), "token 2")
	})
}

// What is wrong with a message: who leads still, and whether the token is stored.
func TestCommitOfAMessageThatIsRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		message        message.Message
		want           error
		ends, withheld bool
	}{
		"no queue takes it":             {message.Message{RoutingKey: "nowhere"}, amqp.ErrUnroutable, false, false},
		"there is no exchange":          {message.Message{Exchange: "nowhere", RoutingKey: "k"}, amqp.ErrUnroutable, true, true},
		"it is not to be published":     {message.Message{Exchange: "amq.rabbitmq.trace", RoutingKey: "k"}, amqp.ErrRefused, true, true},
		"it has another user's name":    {message.Message{RoutingKey: "k", UserID: "other"}, amqp.ErrRefused, true, true},
		"its expiration is no number":   {message.Message{RoutingKey: "k", Expiration: "soon"}, amqp.ErrMalformed, true, true},
		"its headers are too large":     {message.Message{RoutingKey: "k", Headers: message.Headers{"h": strings.Repeat("x", 200_000)}}, amqp.ErrTooLarge, false, true},
		"its headers cannot be written": {message.Message{RoutingKey: "k", Headers: message.Headers{"h": struct{}{}}}, amqp.ErrMalformed, false, true},
		"its key is too long":           {message.Message{RoutingKey: strings.Repeat("k", 256)}, amqp.ErrMalformed, false, true},
	} {
		rabbit.Run(t, name, func(t *testing.T) {
			l := newLeadership(t)
			lead := l.join("hello")
			l.win(lead)
			if err := lead.Commit(t.Context(), []byte("before"), nil); err != nil {
				t.Fatal(err)
			}
			if err := lead.Send(t.Context(), &tt.message); err == nil || lead.Err() != nil {
				t.Errorf("Send returned %v, and the lead has ended with %v, want an error and the lead", err, lead.Err())
			}
			if err := lead.Commit(t.Context(), []byte("after"), &tt.message); !errors.Is(err, tt.want) || (lead.Err() != nil) != tt.ends {
				t.Errorf("Commit returned %v, and the lead has ended with %v, want %v", err, lead.Err(), tt.want)
			}
			want := map[bool]string{true: "before", false: "after"}[tt.withheld]
			l.want("the token says", l.read(l.session()), want)
		})
	}
}

func TestTheTokensQueueIsDeletedUnderTheLeader(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		l := newLeadership(t)
		lead := l.join("hello")
		l.win(lead)
		if _, err := l.ch.QueueDelete(l.token.Queue, false, false, false); err != nil {
			t.Fatal(err)
		}
		select {
		case <-lead.Done():
		case <-time.After(time.Minute):
			t.Fatal("the leader does not notice")
		}
		if err := lead.Commit(t.Context(), []byte("token"), &message.Message{RoutingKey: l.queue}); !errors.Is(err, amqp.ErrNotConnected) {
			t.Errorf("it commits with %v, want not connected", err)
		}
		if n := rabbit.Depth(t, l.ch, l.queue); n != 0 {
			t.Errorf("%d messages are published, want none", n)
		}
		l.win(l.join("again"))
	})
}

func TestReceiveEndsWithItsContext(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		l := newLeadership(t)
		lead := l.join("hello")
		l.win(lead)
		enough := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(enough)
		if _, err := lead.Receive(ctx); !errors.Is(err, enough) || lead.Err() != nil {
			t.Errorf("it returned %v, and the lead has ended with %v, want the cause and the lead", err, lead.Err())
		}
		if err := lead.Commit(t.Context(), []byte("token"), nil); err != nil {
			t.Error(err)
		}
	})
}

// RabbitMQ forgets, in a transaction, that a full quorum queue has refused a message.
func TestATransactionDoesNotReportAFullQueue(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		l := newLeadership(t)
		full := rabbit.Queue(t)
		args := amqp091.Table{"x-queue-type": "quorum", "x-max-length": 1, "x-overflow": "reject-publish"}
		if _, err := l.ch.QueueDeclare(full, true, false, false, false, args); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if _, err := rabbit.Channel(t, rabbit.URL(t)).QueueDelete(full, false, false, false); err != nil {
				t.Error(err)
			}
		})
		lead := l.join("hello")
		l.win(lead)
		m := &message.Message{RoutingKey: full}
		rabbit.Eventually(t, time.Minute, func() bool { return errors.Is(lead.Send(t.Context(), m), amqp.ErrNacked) }, "Send returns ErrNacked")
		before := rabbit.Depth(t, l.ch, full)
		if err := lead.Commit(t.Context(), []byte("token"), m); err != nil || lead.Err() != nil {
			t.Errorf("Commit returned %v, and the lead has ended with %v, want neither", err, lead.Err())
		}
		if n := rabbit.Depth(t, l.ch, full); n != before {
			t.Errorf("the queue has %d messages, want %d as before", n, before)
		}
	})
}
