package members

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/topology"
)

// Kinds of announcements.
const (
	hello   = "hello"   // a process claims partitions
	joining = "joining" // the same, and asks the others to announce themselves at once
	goodbye = "goodbye" // a process consumes no more
)

// announcement is what a process says to the others.
type announcement struct {
	Kind   string `json:"kind"`
	Member string `json:"member"`
	Claims []int  `json:"claims,omitempty"`
}

// channel publishes and receives the announcements about one queue.
type channel struct {
	session    *amqp.Session
	ch         *amqp091.Channel
	queue      string // the work queue, which is the routing key
	deliveries <-chan amqp091.Delivery
	returns    <-chan amqp091.Return // of probes, from members that are gone
	closed     <-chan *amqp091.Error
}

const (
	openTimeout = 10 * time.Second
	maxWaiting  = 1000    // announcements that wait for a slow process
	expiration  = "10000" // ms, after which an announcement is dropped
	maxBody     = 64 << 10
	nameBytes   = 26 // of a member
)

// open declares a queue of this process for announcements about the queue. It is exclusive, and is
// deleted with the channel's only consumer.
func open(ctx context.Context, s *amqp.Session, queue, member string) (*channel, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if err := s.Ensure(ctx, topology.PartitionGroup()); err != nil {
		return nil, err
	}
	ch, err := s.Channel(ctx)
	if err != nil {
		return nil, err
	}
	c := &channel{
		session: s, ch: ch, queue: queue,
		closed: ch.NotifyClose(make(chan *amqp091.Error, 1)), returns: ch.NotifyReturn(make(chan amqp091.Return, maxWaiting)),
	}
	c.deliveries, err = amqp.Ask(ctx, s, func() (<-chan amqp091.Delivery, error) {
		name := queuePrefix + member
		arguments := amqp091.Table{"x-queue-type": topology.Classic, "x-max-length": int32(maxWaiting)}
		if _, err := ch.QueueDeclare(name, false, true, true, false, arguments); err != nil {
			return nil, err
		}
		if err := ch.QueueBind(name, queue, topology.PartitionExchange, false, nil); err != nil {
			return nil, err
		}
		return ch.Consume(name, "", true, true, false, false, nil)
	}, amqp.Closing[<-chan amqp091.Delivery](ch))
	if err != nil {
		if ctx.Err() == nil {
			err = errors.Join(err, s.CloseChannel(ch))
		}
		return nil, fmt.Errorf("members: listen to the processes that consume %s: %w", queue, err)
	}
	return c, nil
}

// queuePrefix begins the names of the queues of the members.
const queuePrefix = topology.PartitionExchange + "."

// announce publishes a, unless the broker blocks the connection. It is not confirmed: the next one
// follows soon.
func (c *channel) announce(a announcement) {
	body, err := json.Marshal(a)
	if err != nil || c.session.Blocked() != "" {
		return
	}
	_ = c.ch.Publish(topology.PartitionExchange, c.queue, false, false, amqp091.Publishing{
		ContentType: "application/json", DeliveryMode: amqp091.Transient, Expiration: expiration, Body: body,
	})
}

// probe publishes a message to a member's queue, which the broker deletes when the connection of the
// member ends. The broker then returns the message.
func (c *channel) probe(member string) {
	if c.session.Blocked() == "" {
		_ = c.ch.Publish("", queuePrefix+member, true, false, amqp091.Publishing{DeliveryMode: amqp091.Transient, Expiration: expiration})
	}
}

// decode returns the announcement in body, which another program may have published.
func decode(body []byte) (a announcement, ok bool) {
	if len(body) > maxBody || json.Unmarshal(body, &a) != nil || !isMember(a.Member) {
		return a, false
	}
	return a, a.Kind == hello || a.Kind == joining || a.Kind == goodbye
}

// isMember reports whether name has the form of rand.Text. A longer name would be too long for a queue,
// and publishing to it would end the connection.
func isMember(name string) bool {
	return len(name) == nameBytes && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

// reason returns why the deliveries have ended. If the broker cancels the consumer, because its queue
// is deleted, the channel stays open.
func (c *channel) reason() error {
	select {
	case err, ok := <-c.closed:
		if ok {
			return fmt.Errorf("members: the broker has closed the channel: %w", err)
		}
		return nil
	default:
		return errors.New("members: the broker has cancelled the consumer")
	}
}

// close closes the channel. It waits at most 5 s for the broker's answer.
func (c *channel) close() { _ = c.session.CloseChannel(c.ch) } // an error means that it is closed
