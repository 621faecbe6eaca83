package worker_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// TestAnUnknownExchangeTypeClosesNoConnection: RabbitMQ closes the connection of a
// client that declares an exchange whose type comes with a plugin that is not enabled.
func TestAnUnknownExchangeTypeClosesNoConnection(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		var lost int
		connections := worker.NewConnections(broker.Config{URL: b.url, Dial: rabbit.Dial}, func(e worker.Event) {
			if _, down := e.(worker.SessionDown); down {
				lost++
			}
		})
		life, hangUp := context.WithCancel(t.Context())
		closed := make(chan error, 1)
		go func() { closed <- connections.Run(life) }()
		r := b.run(nothing, func(c *worker.Config) { c.Connections = connections })

		w := worker.New(worker.Config{Connections: connections, Logger: slog.New(slog.DiscardHandler)})
		w.Queue(worker.Queue{Name: b.queue.Name + "-refused", Exchange: b.exchange + "-x", ExchangeKind: "x-unknown"}).Handle("#", nothing)
		err := w.Run(t.Context())
		if refused, ok := errors.AsType[*topology.DeclarationError](err); !ok || refused.Name != b.exchange+"-x" {
			t.Errorf("Run returned %v, want a DeclarationError of the exchange", err)
		}
		b.publish("key", 1)
		b.verdicts(1)
		if err := r.finish(); err != nil {
			t.Error(err)
		}
		hangUp()
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if lost > 0 {
			t.Errorf("%d connections were lost, want none", lost)
		}
	})
}

// TestADeclarationThatTheBrokerRefusesIsAnErrorOfRun: here an argument is not allowed.
func TestADeclarationThatTheBrokerRefusesIsAnErrorOfRun(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		w := worker.New(worker.Config{Broker: broker.Config{URL: b.url, Dial: rabbit.Dial}, Logger: slog.New(slog.DiscardHandler)})
		b.queue.Arguments = map[string]any{"x-max-length": -1}
		w.Queue(b.queue).Handle("#", nothing)
		err := w.Run(t.Context())
		if refused, ok := errors.AsType[*topology.DeclarationError](err); !ok || refused.Name != b.queue.Name {
			t.Errorf("Run returned %v, want a DeclarationError of the queue", err)
		}
	})
}
