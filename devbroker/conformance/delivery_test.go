package conformance_test

import (
	"fmt"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	requeue = true
	drop    = false
)

// consume holds the parameters of a consumer. Its tag may be empty.
type consume struct {
	tag              string
	noAck, exclusive bool
	noLocal          bool
	args             table
}

// consumer is a started consumer.
type consumer struct {
	*channel
	tag        string
	deliveries <-chan amqp.Delivery
}

// consume starts a consumer.
func (ch *channel) consume(queue string, how consume) *consumer {
	ch.t.Helper()
	deliveries, err := ch.Consume(ch.at(queue), how.tag, how.noAck, how.exclusive, how.noLocal, false, how.args)
	ch.fail("consume "+queue, err)
	return &consumer{channel: ch, tag: how.tag, deliveries: deliveries}
}

// take waits for n messages and notes each.
func (k *consumer) take(n int) (taken []amqp.Delivery) {
	k.t.Helper()
	for range n {
		select {
		case d, ok := <-k.deliveries:
			if !ok {
				k.notef("%s: deliveries end", k.label())
				return taken
			}
			k.notef("%s: %s", k.label(), k.line(d))
			taken = append(taken, d)
		case <-time.After(patience):
			k.notef("%s: nothing comes", k.label())
			return taken
		}
	}
	return taken
}

// untilEnd receives and notes messages up to the message with the body end.
func (k *consumer) untilEnd() {
	k.t.Helper()
	for {
		if d := k.take(1); len(d) == 0 || string(d[0].Body) == "end" {
			return
		}
	}
}

// none notes that no further message arrives, or the message that does.
func (k *consumer) none() { k.within(nothing) }

// perhaps notes a message that arrives only on some brokers.
func (k *consumer) perhaps() { k.within(10 * nothing) }

func (k *consumer) within(wait time.Duration) {
	k.t.Helper()
	select {
	case d, ok := <-k.deliveries:
		if !ok {
			k.notef("%s: deliveries end", k.label())
			return
		}
		k.notef("%s: %s comes too", k.label(), k.line(d))
	case <-time.After(wait):
		k.notef("%s: nothing more", k.label())
	}
}

// nextOf notes which of two consumers gets the next message.
func nextOf(a, b *consumer) {
	a.t.Helper()
	select {
	case d := <-a.deliveries:
		a.notef("%s: %s", a.label(), a.line(d))
	case d := <-b.deliveries:
		b.notef("%s: %s", b.label(), b.line(d))
	case <-time.After(patience):
		a.notef("nothing comes")
	}
}

func (k *consumer) label() string {
	if k.tag == "" {
		return "got"
	}
	return k.tag
}

// get fetches a message that must be settled, and notes it.
func (ch *channel) get(queue string) amqp.Delivery {
	ch.t.Helper()
	d, ok, err := ch.Get(ch.at(queue), false)
	switch {
	case ch.fail("get "+queue, err):
	case !ok:
		ch.notef("get: empty")
	default:
		ch.notef("get: %s", ch.line(d))
	}
	return d
}

// ack, nack and reject settle one delivery by its tag: 1 is the channel's first.
func (ch *channel) ack(tag uint64) {
	ch.t.Helper()
	ch.fail("ack", ch.Ack(tag, false))
}

func (ch *channel) nack(tag uint64, requeue bool) {
	ch.t.Helper()
	ch.fail("nack", ch.Nack(tag, false, requeue))
}

func (ch *channel) reject(tag uint64, requeue bool) {
	ch.t.Helper()
	ch.fail("reject", ch.Reject(tag, requeue))
}

// recoverAll requeues all unacknowledged messages of the channel.
func (ch *channel) recoverAll(requeue bool) {
	ch.t.Helper()
	ch.fail("recover", ch.Recover(requeue)) //nolint:staticcheck // out of use, and still in RabbitMQ
}

// line describes a message in short.
func (n *notes) line(d amqp.Delivery) string {
	text := string(d.Body)
	if len(text) > 60 {
		text = fmt.Sprintf("%d bytes", len(text))
	}
	if d.Redelivered {
		text += ", redelivered"
	}
	if count, ok := d.Headers["x-delivery-count"]; ok && n.counting {
		text += ", count " + value(count)
	}
	return text
}

// show notes all properties of a message.
func (n *notes) show(d amqp.Delivery) {
	n.notef("  exchange=%q key=%q", d.Exchange, d.RoutingKey)
	var properties []string
	for _, p := range []struct {
		name string
		v    any
		set  bool
	}{
		{"content-type", d.ContentType, d.ContentType != ""},
		{"content-encoding", d.ContentEncoding, d.ContentEncoding != ""},
		{"delivery-mode", d.DeliveryMode, d.DeliveryMode != 0},
		{"priority", d.Priority, d.Priority != 0},
		{"correlation-id", d.CorrelationId, d.CorrelationId != ""},
		{"reply-to", d.ReplyTo, d.ReplyTo != ""},
		{"expiration", d.Expiration, d.Expiration != ""},
		{"message-id", d.MessageId, d.MessageId != ""},
		{"timestamp", d.Timestamp, !d.Timestamp.IsZero()},
		{"type", d.Type, d.Type != ""},
		{"user-id", d.UserId, d.UserId != ""},
		{"app-id", d.AppId, d.AppId != ""},
	} {
		if p.set {
			properties = append(properties, p.name+"="+value(p.v))
		}
	}
	if len(properties) > 0 {
		n.notef("  %s", strings.Join(properties, " "))
	}
	n.headers(d.Headers)
}

// drain receives all ready messages of the queue, and notes them on one line.
func (ch *channel) drain(queue string) {
	ch.t.Helper()
	var all []string
	for {
		d, ok, err := ch.Get(ch.at(queue), true)
		if ch.fail("get "+queue, err) || !ok {
			break
		}
		all = append(all, ch.line(d))
	}
	if len(all) == 0 {
		all = []string{"nothing"}
	}
	ch.notef("%s: %s", queue, strings.Join(all, " | "))
}
