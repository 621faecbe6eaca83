// Package brokertest deletes the queues and the exchange of a sign-up test from the broker.
package brokertest

import (
	"testing"

	"github.com/warren-mq/warren/examples/signup/internal/app"
	"github.com/warren-mq/warren/examples/signup/internal/event"
	"github.com/warren-mq/warren/topology"
)

// Remover deletes queues and exchanges, as *amqp091.Channel does.
type Remover interface {
	QueueDelete(name string, ifUnused, ifEmpty, noWait bool) (int, error)
	ExchangeDelete(name string, ifUnused, noWait bool) error
}

// Remove deletes the exchange and the queues with the prefix.
func Remove(tb testing.TB, ch Remover, prefix string) {
	tb.Helper()
	for _, q := range app.Queues() {
		for _, name := range []string{prefix + q, topology.DeadLetterQueue(prefix + q)} {
			if _, err := ch.QueueDelete(name, false, false, false); err != nil {
				tb.Errorf("delete %s: %v", name, err)
			}
		}
	}
	if err := ch.ExchangeDelete(prefix+event.Exchange, false, false); err != nil {
		tb.Errorf("delete the exchange: %v", err)
	}
}
