package devbroker

import (
	"slices"
	"time"
)

// Point is the point in a message's life at which a Fault happens.
type Point int

// Points of a message's life.
const (
	OnPublish Point = iota + 1 // the message has arrived and is not routed yet
	OnConfirm                  // the message is in its queues, and its confirm is due
	OnDeliver                  // the message is about to be delivered to a consumer
	OnAck                      // the client's ack, nack or reject has arrived
)

// Action is what a Fault does.
type Action int

// Actions of faults.
const (
	Swallow Action = iota // ignore the event: no routing, no confirm, no delivery, no ack
	Refuse                // OnPublish and OnConfirm: send a nack to the publisher
	Drop                  // close the network connection without connection.close
)

// Fault is a failure that the broker causes on purpose.
type Fault struct {
	On    Point
	Name  string        // of the exchange (OnPublish, OnConfirm) or the queue; empty means any
	Skip  int           // how many matching messages pass first
	Times int           // how often the fault happens; zero means until it is removed
	Do    Action        // what the fault does
	Delay time.Duration // OnConfirm and OnAck: if positive, the step happens this much later and Do is ignored

	// Open limits the fault to channels that are open when it is injected. Channels opened
	// later work. This imitates a cluster of RabbitMQ 3.10: a channel whose first message
	// met a dead node refuses every further message, while another channel accepts it.
	Open bool

	channels uint64 // number of channels opened before the injection
}

// Inject adds the fault f. The returned function removes it.
func (b *Broker) Inject(f Fault) (remove func()) {
	b.do(func() {
		f.channels = b.channels
		b.faults = append(b.faults, &f)
	})
	return func() {
		b.do(func() { b.faults = slices.DeleteFunc(b.faults, func(other *Fault) bool { return other == &f }) })
	}
}

// strike returns the fault that happens at this point, or nil.
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

// confirmWrongly applies the fault to a confirm.
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

// LimitMessages sets the largest body of a message, in bytes, for channels opened after the
// call, as a lower max_message_size does after an upgrade. Messages in queues stay.
func (b *Broker) LimitMessages(bytes int) { b.do(func() { b.cfg.MaxMessageSize = max(bytes, 0) }) }

// LimitConnections limits the connections of each virtual host, as rabbitmqctl
// set_vhost_limits does. The broker refuses further connections with 530. Zero removes the
// limit.
func (b *Broker) LimitConnections(n int) { b.do(func() { b.connectionLimit = max(n, 0) }) }

// Drop closes all network connections without connection.close, as a broken network does.
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

// Resume restarts the deliveries that Pause holds back.
func (b *Broker) Resume(queue string) { b.setPaused(queue, false) }

func (b *Broker) setPaused(name string, paused bool) {
	b.each(name, func(q *queue) { q.paused = paused })
}

// Depose takes the leader of a quorum queue away, in every virtual host, until Elect, as if its
// node had died. Meanwhile the queue delivers nothing, a declaration and a deletion of it return
// no messages and no consumers, and basic.get closes the connection. Publishes and acks still
// work at once, unlike on RabbitMQ.
func (b *Broker) Depose(queue string) { b.setLeaderless(queue, true) }

// Elect gives a queue that Depose has changed a leader again.
func (b *Broker) Elect(queue string) { b.setLeaderless(queue, false) }

func (b *Broker) setLeaderless(name string, leaderless bool) {
	b.each(name, func(q *queue) { q.leaderless = leaderless && q.kind == quorum })
}

// each calls change for the queues of the name.
func (b *Broker) each(name string, change func(*queue)) {
	b.do(func() {
		for _, v := range b.vhosts {
			if q := v.queues[name]; q != nil {
				change(q)
				q.wake()
			}
		}
	})
}
