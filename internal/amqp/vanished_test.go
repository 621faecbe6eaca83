package amqp_test

import (
	"errors"
	"testing"
	"time"

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

// TestDelayedMessagesGoOnWhenTheirParkingQueueWasDeleted, once a publisher has found out.
func TestDelayedMessagesGoOnWhenTheirParkingQueueWasDeleted(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		url, exchange := rabbit.URL(t), rabbit.Queue(t)
		ch, p := rabbit.Channel(t, url), publisher(t, amqp.Config{URL: url}, exchange)
		parking := topology.ExchangeParking(exchange)
		defer removeQueues(t, ch, parking)
		delayed := func() error { return p.Publish(t.Context(), "key", 1, broker.WithDelay(time.Hour)) }
		if err := delayed(); err != nil {
			t.Fatal(err)
		}
		removeQueues(t, ch, parking)
		if err := delayed(); !errors.Is(err, amqp.ErrUnroutable) {
			t.Errorf("without the parking queue: %v, want ErrUnroutable", err)
		}
		rabbit.Eventually(t, 10*time.Second, func() bool { return delayed() == nil }, "the parking queue is there again")
		rabbit.Eventually(t, 10*time.Second, func() bool { return rabbit.Depth(t, ch, parking) == 1 }, "the message waits")
	})
}

// TestAnExchangeOfAnUnknownTypeCostsNoConnection: the broker closes the one over which it
// is declared.
func TestAnExchangeOfAnUnknownTypeCostsNoConnection(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		s := runSender(t, amqp.Config{URL: rabbit.URL(t)})
		session, err := s.Connector().Session(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := topology.Topology{Exchanges: []topology.Exchange{{Name: rabbit.Queue(t), Kind: "x-unknown"}}}
		_, ensured := s.Ensure(t.Context(), want)
		for name, err := range map[string]error{
			"Sender.Ensure":    ensured,
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
