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
		log.Print("nobody is bound for user.signed_up, or there is no exchange events")
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
func ExampleSession_Plan() {
	ctx := context.Background()
	session, err := broker.Dial(ctx, broker.Config{URL: os.Getenv("AMQP_URL")}, "plan")
	if err != nil {
		log.Print(err)
		return
	}
	defer closing(session)
	email := topology.WorkQueue{Name: "email", Exchange: "events", Keys: []string{"user.*"}}
	wanted := topology.Ladder().Merge(email.Topology())
	changes, err := session.Plan(ctx, wanted)
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
	if err := session.Declare(ctx, wanted); err != nil {
		log.Print(err)
	}
}

func ExampleWorkQueue_Topology() {
	wanted := topology.WorkQueue{Name: "email", Exchange: "events", Keys: []string{"user.*"}}.Topology()
	for _, q := range wanted.Queues {
		fmt.Println(q.Name, q.Arguments["x-queue-type"], q.Arguments["x-delivery-limit"])
	}
	// Output:
	// email.dlq quorum 2147483647
	// email quorum 20
}

// Definitions are what rabbitmqctl import_definitions reads.
func ExampleTopology_Definitions() {
	wanted := topology.Topology{
		Exchanges: []topology.Exchange{{Name: "events", Kind: "topic"}},
		Queues:    []topology.Queue{{Name: "email", Arguments: map[string]any{"x-queue-type": "quorum"}}},
		Bindings:  []topology.Binding{{Exchange: "events", Key: "user.*", Queue: "email"}},
	}
	out, err := wanted.Definitions("/")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(out))
	// Output:
	// {
	//   "exchanges": [
	//     {
	//       "name": "events",
	//       "vhost": "/",
	//       "type": "topic",
	//       "durable": true,
	//       "auto_delete": false,
	//       "internal": false,
	//       "arguments": {}
	//     }
	//   ],
	//   "queues": [
	//     {
	//       "name": "email",
	//       "vhost": "/",
	//       "durable": true,
	//       "auto_delete": false,
	//       "arguments": {
	//         "x-queue-type": "quorum"
	//       }
	//     }
	//   ],
	//   "bindings": [
	//     {
	//       "source": "events",
	//       "vhost": "/",
	//       "destination": "email",
	//       "destination_type": "queue",
	//       "routing_key": "user.*",
	//       "arguments": {}
	//     }
	//   ]
	// }
}

func ExampleRedact() {
	fmt.Println(broker.Redact("amqp://app:s3cr3tpw@broker.example/orders"))
	// Output: amqp://app:xxxxx@broker.example/orders
}
