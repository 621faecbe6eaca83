package record

import (
	"fmt"
	"maps"

	"github.com/warren-mq/warren/message"
)

// Copy returns a copy of m with the headers of more added. The framework publishes it for a
// retry or as a dead letter. The copy keeps everything of the message except the parts that
// would misroute or destroy the copy, or make the broker refuse it:
//
//   - x-death and the broker's other counters: with them RabbitMQ 3 drops the copy as a cycle;
//   - CC and BCC: they would send it to other queues too;
//   - the record of an earlier failure, which more replaces;
//   - the expiration, which would cut its delay short or remove it from the
//     dead-letter queue;
//   - the user id, which the broker compares with the user of the connection.
//
// The expiration and the user id are kept as headers.
func Copy(m *message.Message, more message.Headers) *message.Message {
	c := *m
	c.Headers = make(message.Headers, len(m.Headers)+len(more)+2)
	for name, value := range m.Headers {
		if !brokerOwned(name) && !IsRecord(name) {
			c.Headers[name] = value
		}
	}
	keep(c.Headers, HeaderExpiration, m.Expiration)
	keep(c.Headers, HeaderUserID, m.UserID)
	c.Expiration, c.UserID, c.Transient = "", "", false
	maps.Copy(c.Headers, more)
	return &c
}

// Move returns m as it is published to a partition of the queue that it was received from. It keeps
// the record of earlier attempts on the queue, and removes what Copy removes beside that, except the
// expiration.
func Move(m *message.Message, queue string) *message.Message {
	c := *m
	at := m.Headers.String(HeaderQueue)
	foreign := at != "" && at != queue
	c.Headers = make(message.Headers, len(m.Headers)+4)
	for name, value := range m.Headers {
		if !brokerOwned(name) && (!foreign || name == HeaderCanary || !IsRecord(name)) {
			c.Headers[name] = value
		}
	}
	if m.Attempt == 1 { // it may have been a dead letter, whose attempts start over
		delete(c.Headers, HeaderRetryCount)
	}
	keep(c.Headers, HeaderUserID, m.UserID)
	c.UserID, c.Transient = "", false
	c.Headers[HeaderQueue], c.Headers[HeaderExchange], c.Headers[HeaderRoutingKey] = queue, m.Exchange, m.RoutingKey
	return &c
}

// IsRecord reports whether a header belongs to the failure record. The headers that keep
// the expiration and the user id removed from a copy stay with the message, and so do the
// headers of a replay, of a schedule and of a call.
func IsRecord(header string) bool {
	switch header {
	case HeaderExpiration, HeaderUserID,
		HeaderReplayedAt, HeaderReplayedBy, HeaderEditedFrom,
		HeaderSchedule, HeaderTick, HeaderDeadline:
		return false
	}
	return IsOwn(header)
}

func keep(h message.Headers, name, value string) {
	if value != "" {
		h[name] = value
	}
}

// brokerOwned reports whether the broker writes the header or routes by it.
func brokerOwned(header string) bool {
	return header == "CC" || header == "BCC" || CountedByBroker(header)
}

// IsReserved reports whether Warren or RabbitMQ writes the header itself. Programs must not set it.
func IsReserved(header string) bool { return IsOwn(header) || CountedByBroker(header) }

// CopyUnreserved copies the headers of src to dst, except those that IsReserved reports. A program may
// pass on the headers of a message that it handles, and they would misroute the new message.
func CopyUnreserved(dst, src message.Headers) {
	for name, value := range src {
		if !IsReserved(name) {
			dst[name] = value
		}
	}
}

// CheckHeader returns an error for a header that Warren or RabbitMQ writes itself. If a
// person set or removed it, it would misroute the message, or count its attempts wrongly.
func CheckHeader(header string) error {
	if IsReserved(header) {
		return fmt.Errorf("header %q is written by Warren or RabbitMQ itself, and cannot be set or removed", header)
	}
	return nil
}

// CountedByBroker reports whether the broker counts deliveries or deaths in the header.
func CountedByBroker(header string) bool {
	switch header {
	case "x-death", "x-first-death-exchange", "x-first-death-queue", "x-first-death-reason",
		"x-last-death-exchange", "x-last-death-queue", "x-last-death-reason",
		"x-delivery-count", "x-acquired-count":
		return true
	}
	return false
}
