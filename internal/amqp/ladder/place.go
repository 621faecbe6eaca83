package ladder

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// levelQueue describes the queue of a level to DeleteUnusedQueue.
func levelQueue(name string) topology.Queue {
	return topology.Queue{Name: name, Arguments: message.Headers{"x-queue-type": topology.Quorum}}
}

// place is where the messages for one queue behind the ladder go.
type place struct {
	parking string // empty if the exchange or the queue no longer exists
	missing string // what no longer exists
}

// start publishes a copy of a message of a level.
func (m *Migration) start(ctx context.Context, d *amqp091.Delivery, times *dueTimes) (moving, error) {
	r, ok := parse(d.RoutingKey)
	if !ok {
		return m.strand(d, fmt.Sprintf("routing key %q is not a key of the delay ladder", d.RoutingKey)), nil
	}
	m.note(r)
	p, err := m.place(ctx, r, d)
	if err != nil {
		return moving{}, err
	}
	if p.parking == "" {
		return m.strand(d, p.missing+" does not exist"), nil
	}
	c := copyOf(d)
	record.SetDue(c, times.of(d, r, time.Now()))
	wait, err := m.Sender.Start(ctx, "", p.parking, c)
	return moving{*d, p.parking, wait}, err
}

// place returns where the messages of a route go. It asks the broker once for each route.
func (m *Migration) place(ctx context.Context, r route, d *amqp091.Delivery) (place, error) {
	if p, ok := m.places[r.queue]; ok {
		return p, nil
	}
	exchange, key := r.target(message.Headers(d.Headers))
	p, exists := place{missing: "queue " + key}, true
	var err error
	if exchange != "" {
		p.missing = "exchange " + exchange
		exists, err = exchangeExists(ctx, m.Session, exchange)
	} else if _, err = m.Session.State(ctx, key); errors.Is(err, amqp.ErrNoQueue) {
		exists, err = false, nil
	}
	if err == nil && exists {
		p.parking, err = m.Sender.Parking(ctx, exchange, key)
	}
	if err == nil {
		m.places[r.queue] = p
	}
	return p, err
}

// strand publishes a copy to the queue for messages without a destination.
func (m *Migration) strand(d *amqp091.Delivery, reason string) moving {
	c := copyOf(d)
	c.Headers[record.HeaderReason], c.Headers[record.HeaderError] = message.ReasonUnrouted, reason
	c.Headers[record.HeaderLastFailedAt] = time.Now().UTC().Format(time.RFC3339Nano)
	c.Expiration = ""
	wait := func(ctx context.Context) error { return m.Sender.SendUnrouted(ctx, d.RoutingKey, c) }
	return moving{*d, topology.UnroutedQueue, wait}
}

// copyOf returns the message without the headers that the broker writes or routes by. A
// user id is kept as a header, because the broker compares it with the user of the
// connection.
func copyOf(d *amqp091.Delivery) *message.Message {
	c := new(message.Message)
	amqp.Fill(c, d, "")
	c.Headers = maps.Clone(c.Headers)
	if c.Headers == nil {
		c.Headers = make(message.Headers)
	}
	maps.DeleteFunc(c.Headers, func(name string, _ any) bool {
		return name == "CC" || name == "BCC" || record.CountedByBroker(name)
	})
	if c.UserID != "" {
		c.Headers[record.HeaderUserID], c.UserID = c.UserID, ""
	}
	c.Transient = false
	return c
}
