package limit_test

import (
	"context"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/limit"
	"github.com/warren-mq/warren/worker"
)

type charge struct{ Cents int }

func pay(context.Context, charge) error { return nil }

// At most 10 calls of Stripe run at a time, in all replicas and from both queues.
func ExampleConcurrency() {
	w := worker.New(worker.Config{Broker: broker.Config{URL: "amqp://localhost/"}})
	stripe := limit.Concurrency("stripe", 10)
	charges := w.Queue(worker.Queue{Name: "charges", Concurrency: 8, Middleware: []handler.Middleware{stripe}})
	charges.Handle("charges", handler.Typed(pay))
	refunds := w.Queue(worker.Queue{Name: "refunds", Concurrency: 4, Middleware: []handler.Middleware{stripe}})
	refunds.Handle("refunds", handler.Typed(pay))
}

// All replicas together begin 100 handlers a second.
func ExampleRate() {
	w := worker.New(worker.Config{Broker: broker.Config{URL: "amqp://localhost/"}})
	perSecond := limit.Rate("stripe", 100, time.Second)
	charges := w.Queue(worker.Queue{Name: "charges", Concurrency: 8, Middleware: []handler.Middleware{perSecond}})
	charges.Handle("charges", handler.Typed(pay))
}

// One of the handlers of a queue is limited.
func ExampleFor() {
	w := worker.New(worker.Config{Broker: broker.Config{URL: "amqp://localhost/"}})
	orders := w.Queue(worker.Queue{Name: "orders", Exchange: "shop", Middleware: []handler.Middleware{
		limit.For("order.paid", limit.Concurrency("stripe", 10)),
	}})
	orders.Handle("order.paid", handler.Typed(pay))
	orders.Handle("order.*", handler.Typed(pay))
}

// Each provider has a limit of its own, and the other messages of the queue have none.
func ExampleByKey() {
	w := worker.New(worker.Config{Broker: broker.Config{URL: "amqp://localhost/"}})
	payments := w.Queue(worker.Queue{Name: "payments", Exchange: "shop", Concurrency: 16, Middleware: []handler.Middleware{
		limit.ByKey(map[string]handler.Middleware{
			"payment.card":  limit.Concurrency("stripe", 10),
			"payment.debit": limit.Rate("bank", 5, time.Second),
		}),
	}})
	payments.Handle("payment.*", handler.Typed(pay))
}
