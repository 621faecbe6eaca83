package broker_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

func closing(c io.Closer) {
	if err := c.Close(); err != nil {
		log.Print(err)
	}
}

// A publisher connects when it is first used and stays connected until it is closed.
func ExampleNewPublisher() {
	pub := broker.NewPublisher(broker.Config{URL: os.Getenv("AMQP_URL")}, "events")
	defer closing(pub)
	signedUp := map[string]string{"email": "alice@example.com"}
	if err := pub.Publish(context.Background(), "user.signed_up", signedUp); err != nil {
		log.Print(err) // it may not have arrived: nil is the only promise
	}
}

// Options say how one message differs from the usual.
func ExamplePublisher_Publish() {
	pub := broker.NewPublisher(broker.Config{URL: os.Getenv("AMQP_URL")}, "events")
	defer closing(pub)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := pub.Publish(ctx, "user.signed_up", []byte(`<user email="alice@example.com"/>`),
		broker.WithContentType("application/xml"),
		broker.WithPriority(9),
		broker.WithDelay(10*time.Minute),
		broker.WithHeader("tenant", "acme"),
		broker.WithCorrelationID("request-17"),
	)
	if err != nil {
		log.Print(err)
	}
}

// What went wrong is asked with errors.Is.
func ExamplePublisher_Publish_errors() {
	pub := broker.NewPublisher(broker.Config{URL: os.Getenv("AMQP_URL")}, "events")
	defer closing(pub)
	err := pub.Publish(context.Background(), "user.signed_up", "alice")
	switch {
	case err == nil:
		log.Print("it is in a queue")
	case errors.Is(err, broker.ErrUnroutable):
		log.Print("no queue is bound for user.signed_up, or the exchange events does not exist")
	case errors.Is(err, broker.ErrNacked):
		log.Print("a queue is full: slow down")
	case errors.Is(err, broker.ErrBlocked):
		log.Print("the broker's memory or disk is low: slow down")
	case errors.Is(err, broker.ErrRefused):
		log.Print("wrong user, password or virtual host")
	default:
		log.Print(err) // not confirmed: publish again, with the same message id
	}
}

// A handler emits a message that is published only if the handler returns nil, and before the
// message that it handles is acknowledged.
func ExamplePublisher_Emit() {
	pub := broker.NewPublisher(broker.Config{URL: os.Getenv("AMQP_URL")}, "events") // or the Publisher of the worker
	defer closing(pub)
	charge := func(context.Context, string) error { return errors.New("the bank is closed") }
	h := handler.Typed(func(ctx context.Context, order string) error {
		if err := pub.Emit(ctx, "order.paid", order); err != nil {
			return err
		}
		return charge(ctx, order)
	})
	fmt.Println(h.Handle(context.Background(), &message.Message{Body: []byte(`"7"`)}))
	// Output: emit: the context does not belong to a running handler of a worker
}

// A call waits for the reply of a handler that handler.Replies made.
func ExampleCall() {
	pub := broker.NewPublisher(broker.Config{URL: os.Getenv("AMQP_URL")}, "shop")
	defer closing(pub)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	cents, err := broker.Call[int](ctx, pub, "price.asked", map[string]string{"article": "tea"})
	remote, failed := errors.AsType[*broker.RemoteError](err)
	switch {
	case failed && remote.Reason == "not_found": // what the handler's error says of itself
		log.Print(remote.Message)
	case err != nil:
		log.Print(err)
	default:
		fmt.Println(cents)
	}
}

// A batch is as fast as the broker, and says which of its messages failed.
func ExamplePublisher_PublishBatch() {
	pub := broker.NewPublisher(broker.Config{URL: os.Getenv("AMQP_URL")}, "events")
	defer closing(pub)
	items := []broker.Item{
		{Key: "user.signed_up", Body: "alice"},
		{Key: "user.signed_up", Body: "bob", Options: []broker.Option{broker.WithPriority(9)}},
	}
	err := pub.PublishBatch(context.Background(), items...)
	if batch, ok := errors.AsType[*broker.BatchError](err); ok {
		for i, err := range batch.Failed {
			log.Printf("%v: %v", items[i].Body, err)
		}
	}
}

func ExampleBatchError() {
	err := error(&broker.BatchError{Total: 3, Failed: map[int]error{1: broker.ErrUnroutable}})
	fmt.Println(err)
	fmt.Println(errors.Is(err, broker.ErrUnroutable), errors.Is(err, broker.ErrNacked))
	// Output:
	// broker: 1 of 3 messages were not published; number 1: broker: no queue took the message
	// true false
}

// A plan tells what declaring would change, and changes nothing.
// A plan shows what declaring would change, and changes nothing.
func ExamplePlan() {
	ctx, cfg := context.Background(), broker.Config{URL: os.Getenv("AMQP_URL")}
	email := topology.WorkQueue{Name: "email", Exchange: "events", Keys: []string{"user.*"}}
	wanted := topology.Shared().Merge(email.Topology())
	changes, err := broker.Plan(ctx, cfg, wanted)
	if err != nil {
		log.Print(err)
		return
	}
	for _, c := range changes {
		fmt.Println(c.Action, c.Kind, c.Name)
	}
	if err := topology.Conflicts(changes); err != nil {
		log.Print(err) // queue email: x-delivery-limit is 10, wanted 20; …
		return
	}
	if err := broker.Declare(ctx, cfg, wanted); err != nil {
		log.Print(err)
	}
}

// Definitions are what rabbitmqctl import_definitions reads.

// Options set the properties of a message.
func ExampleWithProperties() {
	pub := broker.NewPublisher(broker.Config{URL: os.Getenv("AMQP_URL")}, "events")
	defer closing(pub)
	err := pub.Publish(context.Background(), "user.signed_up", map[string]string{"email": "alice@example.com"},
		broker.WithMessageID("018f3c"),
		broker.WithReplyTo("answers"),
		broker.WithExpiration(time.Hour),
		broker.WithHeaders(message.Headers{"tenant": "blue", "region": "eu"}),
		broker.WithProperties(broker.Properties{Type: "user.signed_up", AppID: "sign-up"}),
	)
	fmt.Println(err)
}

// A codec encodes the bodies of one publisher's messages.
func ExampleWithCodec() {
	pub := broker.NewPublisher(broker.Config{URL: os.Getenv("AMQP_URL")}, "events")
	defer closing(pub)
	err := pub.Publish(context.Background(), "user.signed_up", []byte("alice@example.com"), broker.WithCodec(handler.Raw()))
	fmt.Println(err)
}
