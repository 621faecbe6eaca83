package devbroker

import (
	"crypto/rand"
	"encoding/base64"
)

// vhost is a virtual host with its own exchanges and queues.
type vhost struct {
	broker    *Broker
	name      string
	exchanges map[string]*exchange
	queues    map[string]*queue
}

// full reports whether the virtual host has reached its connection limit.
func (v *vhost) full() bool {
	open := 0
	for c := range v.broker.connections {
		if c.vhost == v {
			open++
		}
	}
	return v.broker.connectionLimit > 0 && open >= v.broker.connectionLimit
}

func newVHost(b *Broker, name string) *vhost {
	v := &vhost{broker: b, name: name, exchanges: map[string]*exchange{}, queues: map[string]*queue{}}
	for name, kind := range predeclared {
		internal := name == "amq.rabbitmq.trace"
		v.exchanges[name] = newExchange(v, exchangeSettings{name: name, kind: kind, durable: true, internal: internal})
	}
	return v
}

// predeclared are the exchanges that every virtual host has.
var predeclared = map[string]string{
	"": "direct", "amq.direct": "direct", "amq.fanout": "fanout", "amq.topic": "topic",
	"amq.headers": "headers", "amq.match": "headers", "amq.rabbitmq.trace": "topic",
}

func (v *vhost) exchange(name string) (*exchange, error) {
	if x := v.exchanges[name]; x != nil {
		return x, nil
	}
	return nil, refuse(notFound, "no exchange '%s' in vhost '%s'", name, v.name)
}

// queue returns the queue with the given name if c may use it.
func (v *vhost) queue(name string, c *connection) (*queue, error) {
	q := v.queues[name]
	if q == nil {
		return nil, refuse(notFound, "no queue '%s' in vhost '%s'", name, v.name)
	}
	if q.owner != nil && q.owner != c {
		return nil, v.locked(name)
	}
	return q, nil
}

func (v *vhost) locked(queue string) error {
	return refuse(resourceLocked, "cannot obtain exclusive access to locked queue '%s' in vhost '%s'."+
		" It could be originally declared on another connection or the exclusive property value does not"+
		" match that of the original declaration.", queue, v.name)
}

// deleteExclusive deletes the exclusive queues of c.
func (v *vhost) deleteExclusive(c *connection) {
	for _, q := range v.queues {
		if q.owner == c {
			q.delete()
		}
	}
}

// forgetPublisher removes a closed publisher from all queues.
func (v *vhost) forgetPublisher(publisher any) {
	for _, q := range v.queues {
		delete(q.publishers, publisher)
	}
}

// stop stops all timers and discards all queues and exchanges.
func (v *vhost) stop() {
	for _, q := range v.queues {
		q.stopTimers()
	}
	clear(v.queues)
	clear(v.exchanges)
}

// uniqueName returns a name that the broker chooses, such as amq.gen-….
func uniqueName(prefix string) string {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails, as documented
	return prefix + base64.RawURLEncoding.EncodeToString(random[:])
}
