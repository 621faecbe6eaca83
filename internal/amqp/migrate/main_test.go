package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/amqp/migrate"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// childVariable makes the test binary migrate the queue that queueVariable names, on the broker
// that it names.
const (
	childVariable = "MIGRATE_ON"
	queueVariable = "MIGRATE_QUEUE"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(childVariable); url != "" {
		if err := child(url, os.Getenv(queueVariable)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// child migrates a queue and prints a line for each message that it moves.
func child(url, queue string) error {
	_, err := migrated(context.Background(), url, queue, func(m *migrate.Migration) {
		m.OnMoved = func(n int) {
			for range n {
				fmt.Println()
			}
		}
	})
	return err
}

// migrated migrates a queue of the tests to a quorum queue.
func migrated(ctx context.Context, url, queue string, set func(*migrate.Migration)) (migrate.Result, error) {
	session, err := amqp.Dial(ctx, amqp.Config{URL: url, Dial: rabbit.Dial}, "test")
	if err != nil {
		return migrate.Result{}, err
	}
	m := migrate.Migration{Session: session, Queue: wanted(queue), Bindings: bindings(queue)}
	if set != nil {
		set(&m)
	}
	r, err := m.Run(ctx)
	return r, errors.Join(err, session.Close())
}

// wanted returns the queue after the migration.
func wanted(queue string) topology.Queue {
	return topology.Queue{Name: queue, Arguments: message.Headers{"x-queue-type": topology.Quorum, "x-delivery-limit": 7}}
}

// bindings returns the bindings of a queue to the exchange of the tests.
func bindings(queue string) []topology.Binding {
	return []topology.Binding{
		{Exchange: queue + "-events", Key: "user.#", Queue: queue},
		{Exchange: queue + "-events", Key: "*.new", Queue: queue},
	}
}
