package amqp_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/topology"
)

// TestAPublisherGoesOnWhenItsExchangeIsBack at the first message.
func TestAPublisherGoesOnWhenItsExchangeIsBack(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		url, name := rabbit.URL(t), rabbit.Queue(t)
		ch := rabbit.Channel(t, url)
		declare := func() {
			if err := errors.Join(ch.ExchangeDeclare(name, "topic", true, false, false, false, nil), ch.QueueBind(name, "#", name, false, nil)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := ch.QueueDeclare(name, false, false, true, false, nil); err != nil {
			t.Fatal(err)
		}
		declare()
		p := publisher(t, amqp.Config{URL: url}, name)
		for range 3 {
			if err := p.Publish(t.Context(), "key", 1); err != nil {
				t.Errorf("with the exchange: %v", err)
			}
			if err := ch.ExchangeDelete(name, false, false); err != nil {
				t.Fatal(err)
			}
			if err := p.Publish(t.Context(), "key", 1); !errors.Is(err, amqp.ErrUnroutable) {
				t.Errorf("without the exchange: %v, want ErrUnroutable", err)
			}
			declare()
		}
		if err := errors.Join(p.Publish(t.Context(), "key", 1), ch.ExchangeDelete(name, false, false)); err != nil {
			t.Error(err)
		}
	})
}

// TestDelayedMessagesGoOnWhenThePublisherFindsAPartOfTheLadderGone.
func TestDelayedMessagesGoOnWhenThePublisherFindsAPartOfTheLadderGone(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		ch, p, queue := delaying(t)
		for name, remove := range map[string]func() error{
			"exchange": func() error { return ch.ExchangeDelete("warren.delay.00", false, false) },
			"binding": func() error {
				return ch.QueueUnbind("warren.delay.00", strings.Repeat("*.", 22)+"1.#", "warren.delay.00", nil)
			},
		} {
			if err := remove(); err != nil {
				t.Fatal(err)
			}
			delayed := func() error { return p.Publish(t.Context(), "key", 1, broker.WithDelay(100*time.Millisecond)) }
			if err := delayed(); !errors.Is(err, amqp.ErrUnroutable) {
				t.Errorf("without the %s: %v, want ErrUnroutable", name, err)
			}
			rabbit.Eventually(t, 10*time.Second, func() bool { return delayed() == nil }, "the ladder has its "+name+" again")
		}
		rabbit.Eventually(t, time.Minute, func() bool { return rabbit.Depth(t, ch, queue) == 3 }, "the messages have come")
	})
}

// TestDelayedMessagesGoOnWhenTheirWayBackWasDeleted: what leaves the ladder is not returned
// to its publisher.
func TestDelayedMessagesGoOnWhenTheirWayBackWasDeleted(t *testing.T) {
	rabbit.Waits(t, "30 seconds until the way is declared again")
	rabbit.Test(t, func(t *testing.T) {
		ch, p, queue := delaying(t)
		if _, err := ch.QueueDelete("warren.delay.to.amq.topic", false, false, false); err != nil {
			t.Fatal(err)
		}
		rabbit.Eventually(t, time.Minute, func() bool {
			if err := p.Publish(t.Context(), "key", 1, broker.WithDelay(100*time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			return rabbit.Depth(t, ch, queue) > 1
		}, "a delayed message has come")
	})
}

// delaying returns a publisher that has published a delayed message to a queue, on a node
// of its own.
func delaying(t *testing.T) (ch *amqp091.Channel, p *broker.Publisher, queue string) {
	t.Helper()
	node := rabbit.Start(t)
	ch, queue = rabbit.Channel(t, node.URL()), rabbit.Queue(t)
	if _, err := ch.QueueDeclare(queue, false, false, true, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := ch.QueueBind(queue, "key", "amq.topic", false, nil); err != nil {
		t.Fatal(err)
	}
	p = publisher(t, amqp.Config{URL: node.URL()}, "amq.topic")
	if err := p.Publish(t.Context(), "key", 1, broker.WithDelay(100*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	rabbit.Eventually(t, time.Minute, func() bool { return rabbit.Depth(t, ch, queue) == 1 }, "the message has come")
	return ch, p, queue
}

// TestAnExchangeOfAnUnknownTypeCostsNoConnection: the broker closes the one over which it
// is declared.
func TestAnExchangeOfAnUnknownTypeCostsNoConnection(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		s := sender(t, amqp.Config{URL: rabbit.URL(t)})
		session, err := s.Connector().Session(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := topology.Topology{Exchanges: []topology.Exchange{{Name: rabbit.Queue(t), Kind: "x-unknown"}}}
		for name, err := range map[string]error{
			"Sender.Declare":   s.Declare(t.Context(), want),
			"Connector.Assert": s.Connector().Assert(t.Context(), session, want),
		} {
			if refused, ok := errors.AsType[*topology.DeclarationError](err); !ok || refused.Name != want.Exchanges[0].Name {
				t.Errorf("%s returned %v, want a DeclarationError of the exchange", name, err)
			}
		}
		if session.Err() != nil {
			t.Errorf("the sender's session ended: %v", session.Err())
		}
	})
}
