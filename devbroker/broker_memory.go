package devbroker

import "github.com/warren-mq/warren/devbroker/internal/wire"

// memory counts the bytes of all messages, and blocks publishers when there are too
// many, as RabbitMQ's memory alarm does.
type memory struct {
	limit  int64
	used   int64
	reason string        // reason given to Block; empty without one
	alarm  chan struct{} // closed when the alarm ends; nil without one
}

// messageOverhead is how many bytes each message counts in addition to its content.
const messageOverhead = 512

// charge adds n bytes, which may be negative, and raises or clears the alarm.
func (b *Broker) charge(n int64) {
	b.memory.used += n
	b.checkAlarm()
}

func (b *Broker) checkAlarm() {
	m := &b.memory
	short := m.used > m.limit || m.reason != ""
	switch {
	case short && m.alarm == nil:
		m.alarm = make(chan struct{})
	case !short && m.alarm != nil:
		close(m.alarm)
		m.alarm = nil
		for c := range b.connections {
			c.unblocked()
		}
	}
}

// Block raises the alarm until Unblock. The broker sends the reason to connections that
// publish and stops reading from them.
func (b *Broker) Block(reason string) {
	if reason == "" {
		reason = "low on memory"
	}
	b.do(func() {
		b.memory.reason = reason
		b.checkAlarm()
	})
}

// Unblock clears the alarm raised by Block. Publishers stay blocked while the memory limit
// is exceeded.
func (b *Broker) Unblock() {
	b.do(func() {
		b.memory.reason = ""
		b.checkAlarm()
	})
}

// publishes records that the client publishes. During an alarm this blocks the client.
func (c *connection) publishes() {
	m := &c.broker.memory
	if m.alarm == nil {
		return
	}
	c.blocked = m.alarm
	if c.blockedSent || !c.can("connection.blocked") {
		return
	}
	c.blockedSent = true
	reason := m.reason
	if reason == "" {
		reason = "low on memory"
	}
	c.out.method(0, &wire.ConnectionBlocked{Reason: reason})
}

func (c *connection) unblocked() {
	if c.blockedSent {
		c.blockedSent = false
		c.out.method(0, &wire.ConnectionUnblocked{})
	}
}
