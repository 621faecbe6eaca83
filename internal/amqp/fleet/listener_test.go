package fleet_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/amqp/fleet"
	"github.com/warren-mq/warren/internal/rabbit"
)

// listening returns a listener on the broker of the tests, and a channel to announce.
func listening(t *testing.T) (*fleet.Listener, *amqp091.Channel) {
	t.Helper()
	url := rabbit.URL(t)
	s, err := amqp.Dial(t.Context(), amqp.Config(broker.Config{URL: url, Dial: rabbit.Dial}), "listener")
	if err != nil {
		t.Fatal(err)
	}
	l, err := fleet.Listen(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return l, rabbit.Channel(t, url)
}

func announce(t *testing.T, ch *amqp091.Channel, p amqp091.Publishing) {
	t.Helper()
	if err := ch.Publish(fleet.Exchange, "state", false, false, p); err != nil {
		t.Fatal(err)
	}
}

func state(t *testing.T, id string) []byte {
	t.Helper()
	body, err := json.Marshal(fleet.Announcement{
		Format: fleet.Format, Kind: fleet.KindState, Process: fleet.Process{ID: id}, IntervalMS: fleet.Interval.Milliseconds(), Ready: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func find(l *fleet.Listener, id string) (fleet.Seen, bool) {
	for _, s := range l.Processes(time.Now()) {
		if s.Process.ID == id {
			return s, true
		}
	}
	return fleet.Seen{}, false
}

// TestAProcessThatFallsSilentIsMissing within 15 s, and is forgotten later.
func TestAProcessThatFallsSilentIsMissing(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		l, ch := listening(t)
		id := rand.Text()
		announce(t, ch, amqp091.Publishing{Body: state(t, id)})
		rabbit.Eventually(t, time.Minute, func() bool { _, ok := find(l, id); return ok }, "the process is seen")
		seen, _ := find(l, id)
		if seen.Missing {
			t.Error("the process is missing at once")
		}
		rabbit.Eventually(t, time.Minute, func() bool { s, _ := find(l, id); return s.Announcement != nil && s.Missing }, "the process is missing")
		if after := time.Since(seen.Received); after > 15*time.Second {
			t.Errorf("the process was missing after %v, want 15 s at most", after)
		}
		for _, s := range l.Processes(time.Now().Add(2 * time.Minute)) {
			if s.Process.ID == id {
				t.Error("the process is not forgotten after two minutes")
			}
		}
	})
}

// TestHostileAnnouncementsHarmNoListener: the next valid announcement is still received, and an
// address is accepted only in the form that the broker gives it.
func TestHostileAnnouncementsHarmNoListener(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		l, ch := listening(t)
		before := l.Invalid()
		for _, body := range []string{"", "{", "null", "[]", strings.Repeat("[", 100_000), strings.Repeat("x", 2*fleet.MaxAnnouncement), `{"format":1,"kind":"state","queues":9}`} {
			announce(t, ch, amqp091.Publishing{Body: []byte(body), Headers: amqp091.Table{"deep": amqp091.Table{"x": []any{"y"}}}})
		}
		id := rand.Text()
		announce(t, ch, amqp091.Publishing{Body: state(t, id), ReplyTo: "orders"})
		rabbit.Eventually(t, time.Minute, func() bool { _, ok := find(l, id); return ok }, "the valid announcement is received")
		if s, _ := find(l, id); s.Address != "" || s.User != "" {
			t.Errorf("its address is %q of user %q, want none: %s is a queue", s.Address, s.User, "orders")
		}
		if n := l.Invalid() - before; n < 7 {
			t.Errorf("%d announcements were not valid, want 7", n)
		}
	})
}
