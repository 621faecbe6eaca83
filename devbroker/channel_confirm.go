package devbroker

import "github.com/warren-mq/warren/devbroker/internal/wire"

// confirms are the publisher confirms of a channel. Acks are told together, when the
// client has sent nothing more for the moment.
type confirms struct {
	on        bool
	published uint64 // number of the last message
	told      uint64 // all up to this one have been told
	acked     uint64 // all up to this one may be acked
	gaps      bool   // a fault has kept one back, so that "multiple" would tell of it
}

// confirmsAtOnce bounds how many acks wait for each other.
const confirmsAtOnce = 64

func (ch *channel) confirmSelect(m *wire.ConfirmSelect) error {
	if ch.tx != nil {
		return refuse(preconditionFailed, "cannot switch from tx to confirm mode")
	}
	ch.confirms.on = true
	ch.answer(m.NoWait, &wire.ConfirmSelectOk{})
	return nil
}

// confirm tells the client what became of its latest message.
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
		c.told = c.published
	case !ok:
		ch.flushConfirms()
		ch.sendConfirm(c.published, false)
		c.told = c.published
	default:
		if c.acked = c.published; c.acked-c.told >= confirmsAtOnce {
			ch.flushConfirms()
		}
	}
}

func (ch *channel) flushConfirms() {
	c := &ch.confirms
	if c.acked <= c.told {
		return
	}
	if c.gaps {
		for c.told < c.acked {
			c.told++
			ch.sendConfirm(c.told, true)
		}
		return
	}
	ch.send(&wire.BasicAck{DeliveryTag: c.acked, Multiple: c.acked-c.told > 1})
	c.told = c.acked
}

// sendConfirm tells of one message by itself.
func (ch *channel) sendConfirm(tag uint64, ok bool) {
	if ok {
		ch.send(&wire.BasicAck{DeliveryTag: tag})
	} else {
		ch.send(&wire.BasicNack{DeliveryTag: tag, Multiple: !ch.confirms.gaps, Requeue: true}) // as RabbitMQ sends it
	}
}
