package devbroker

import "github.com/warren-mq/warren/devbroker/internal/wire"

// confirms holds the publisher confirms of a channel. Acks are sent together, as soon as
// all frames received so far are handled.
type confirms struct {
	on        bool
	published uint64 // number of the last message
	confirmed uint64 // confirms up to this number have been sent
	acked     uint64 // messages up to this number may be acked
	gaps      bool   // a fault has kept a confirm back, which an ack with "multiple" would include
}

// confirmsAtOnce is the largest number of acks that are collected before they are sent.
const confirmsAtOnce = 64

func (ch *channel) confirmSelect(m *wire.ConfirmSelect) error {
	if ch.tx != nil {
		return refuse(preconditionFailed, "cannot switch from tx to confirm mode")
	}
	ch.confirms.on = true
	ch.answer(m.NoWait, &wire.ConfirmSelectOk{})
	return nil
}

// confirm sends the ack or nack for the latest message, or queues the ack.
func (ch *channel) confirm(ok bool, fault *Fault) {
	c := &ch.confirms
	if !c.on {
		return
	}
	switch {
	case fault != nil:
		ch.flushConfirms()
		c.gaps = true
		ch.confirmWrongly(c.published, ok, fault)
		c.confirmed = c.published
	case !ok:
		ch.flushConfirms()
		ch.sendConfirm(c.published, false)
		c.confirmed = c.published
	default:
		if c.acked = c.published; c.acked-c.confirmed >= confirmsAtOnce {
			ch.flushConfirms()
		}
	}
}

func (ch *channel) flushConfirms() {
	c := &ch.confirms
	if c.acked <= c.confirmed {
		return
	}
	if c.gaps {
		for c.confirmed < c.acked {
			c.confirmed++
			ch.sendConfirm(c.confirmed, true)
		}
		return
	}
	ch.send(&wire.BasicAck{DeliveryTag: c.acked, Multiple: c.acked-c.confirmed > 1})
	c.confirmed = c.acked
}

// sendConfirm sends the confirm of one message.
func (ch *channel) sendConfirm(tag uint64, ok bool) {
	if ok {
		ch.send(&wire.BasicAck{DeliveryTag: tag})
	} else {
		ch.send(&wire.BasicNack{DeliveryTag: tag, Multiple: !ch.confirms.gaps, Requeue: true}) // as RabbitMQ sends it
	}
}
