package amqp

import (
	"net"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// InFlight is the number of messages of s that wait for their confirm.
func InFlight(s *Sender) int {
	s.mu.Lock()
	line := s.line
	s.mu.Unlock()
	if line == nil {
		return 0
	}
	line.mu.Lock()
	defer line.mu.Unlock()
	return len(line.inFlight)
}

// What the external tests check by itself, without a broker.
var (
	ParseConflict = parseConflict
	ParseURL      = parseURL
)

// NewBatchConn wraps c as every connection to a broker is wrapped.
func NewBatchConn(c net.Conn) net.Conn { return newBatchConn(c) }

// NewDelivery is raw as the consumer of queue receives it.
func NewDelivery(queue string, raw amqp091.Delivery) *Delivery {
	d := newDelivery(&Consumer{queue: queue, source: queue}, raw)
	return &d
}

// HeadStart is what a node may take before the next one is tried beside it.
const HeadStart = headStart

// RepliesOf is the channel of the calls of s.
func RepliesOf(s *Sender) *replies { return s.calls.current.Load() }

// Ended reports whether the channel has ended.
func (r *replies) Ended() bool { return r.ended() }

// Waiting is the number of calls of s that wait for their reply.
func Waiting(s *Sender) int {
	r := s.calls.current.Load()
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.waiting)
}
