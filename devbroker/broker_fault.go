package devbroker

import (
	"slices"
	"time"
)

// Point is where in a message's life a Fault strikes.
type Point int

// Points of a message's life.
const (
	OnPublish Point = iota + 1 // the message has arrived, and is in no queue yet
	OnConfirm                  // the message is in its queues, and its confirm is due
	OnDeliver                  // the message is due to a consumer
	OnAck                      // the client's ack, nack or reject has arrived
)

// Action is what a Fault does.
type Action int

// Actions of faults.
const (
	Swallow Action = iota // as if it had not come: no routing, no confirm, no delivery, no ack
	Refuse                // OnPublish and OnConfirm: the publisher gets a nack
	Drop                  // the connection is cut without a word
)

// Fault is something that goes wrong on purpose.
type Fault struct {
	On    Point
	Name  string        // of the exchange (OnPublish, OnConfirm) or the queue; any if empty
	Skip  int           // how many are let pass first
	Times int           // how often it strikes; until it is removed if zero
	Do    Action        // what happens
	Delay time.Duration // OnConfirm and OnAck: it happens this much later, and Do is not used

	// Open limits the fault to channels that are open when it is injected, so that a
	// fresh channel is spared: in a cluster of RabbitMQ 3.10 a channel whose first message
	// met a dead node refuses every further one, while another channel takes it.
	Open bool

	channels uint64 // so many had been opened when it was injected
}

// Inject makes f happen from now on. The function that it returns removes it.
func (b *Broker) Inject(f Fault) (remove func()) {
	b.do(func() {
		f.channels = b.channels
		b.faults = append(b.faults, &f)
	})
	return func() {
		b.do(func() { b.faults = slices.DeleteFunc(b.faults, func(other *Fault) bool { return other == &f }) })
	}
}

// strike returns the fault that happens here and now, or nil.
func (ch *channel) strike(on Point, name string) *Fault {
	b := ch.broker()
	for i, f := range b.faults {
		if f.On != on || f.Name != "" && f.Name != name || f.Open && ch.number > f.channels {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				b.faults = slices.Delete(b.faults, i, i+1)
			}
		}
		return f
	}
	return nil
}

func (f *Fault) swallows() bool { return f != nil && f.Do == Swallow }
func (f *Fault) refuses() bool  { return f != nil && f.Do == Refuse }
func (f *Fault) drops() bool    { return f != nil && f.Do == Drop }

// confirmWrongly does to a confirm what the fault wants.
func (ch *channel) confirmWrongly(tag uint64, ok bool, f *Fault) {
	switch {
	case f.Delay > 0:
		time.AfterFunc(f.Delay, func() { ch.broker().do(func() { ch.confirmLate(tag, ok) }) })
	case f.refuses():
		ch.sendConfirm(tag, false)
	case f.drops():
		ch.conn.drop()
	}
}

func (ch *channel) confirmLate(tag uint64, ok bool) {
	if !ch.closing && ch.conn.channels[ch.id] == ch {
		ch.sendConfirm(tag, ok)
	}
}

// LimitMessages bounds the body of a message, in bytes, on channels that are opened from
// now on, as a lower max_message_size does after an upgrade. Messages in queues stay.
func (b *Broker) LimitMessages(bytes int) { b.do(func() { b.cfg.MaxMessageSize = max(bytes, 0) }) }

// LimitConnections bounds the connections of each virtual host, as rabbitmqctl
// set_vhost_limits does: one more is refused with 530. Zero removes the limit.
func (b *Broker) LimitConnections(n int) { b.do(func() { b.connectionLimit = max(n, 0) }) }

// Drop cuts all connections without a word, as a broken network does.
func (b *Broker) Drop() {
	b.do(func() {
		for c := range b.connections {
			c.drop()
		}
	})
}

// CloseConnections closes all connections with connection-forced (320) and a reason.
func (b *Broker) CloseConnections(reason string) {
	b.do(func() {
		for c := range b.connections {
			c.force("Closed via devbroker: " + reason)
		}
	})
}

// Pause holds back the deliveries of a queue, in every virtual host, until Resume. A
// queue that is declared later is not paused.
func (b *Broker) Pause(queue string) { b.setPaused(queue, true) }

// Resume ends what Pause began.
func (b *Broker) Resume(queue string) { b.setPaused(queue, false) }

func (b *Broker) setPaused(name string, paused bool) {
	b.do(func() {
		for _, v := range b.vhosts {
			if q := v.queues[name]; q != nil {
				q.paused = paused
				q.wake()
			}
		}
	})
}
