package devbroker

import (
	"strings"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

func (ch *channel) queueDeclare(m *wire.QueueDeclare) error {
	q, err := ch.declareQueue(m)
	if err != nil {
		return err
	}
	ch.lastQueue = q.name
	q.used()
	ch.answer(m.NoWait, &wire.QueueDeclareOk{
		Queue: q.name, MessageCount: uint32(q.ready.count), ConsumerCount: uint32(len(q.consumers)),
	})
	return nil
}

func (ch *channel) declareQueue(m *wire.QueueDeclare) (*queue, error) {
	v := ch.vhost()
	if m.Passive {
		name, err := ch.queueName(m.Queue)
		if err != nil {
			return nil, err
		}
		return v.queue(name, ch.conn)
	}
	s := queueSettings{
		name: m.Queue, durable: m.Durable, autoDelete: m.AutoDelete, exclusive: m.Exclusive, args: m.Arguments,
	}
	if s.name == "" {
		s.name = uniqueName("amq.gen-")
	} else if err := ch.mayDeclareQueue(s); err != nil {
		return nil, err
	}
	if q := v.queues[s.name]; q != nil {
		if _, err := v.queue(s.name, ch.conn); err != nil {
			return nil, err
		}
		return q, q.mustBe(s)
	}
	return ch.createQueue(s)
}

func (ch *channel) mayDeclareQueue(s queueSettings) error {
	v := ch.vhost()
	if v.queues[s.name] == nil && strings.HasPrefix(s.name, "amq.") {
		return refuse(accessRefused, "queue name '%s' contains reserved prefix 'amq.*'", s.name)
	}
	return ch.conn.account.check(configure, "queue", s.name, v.name)
}

func (ch *channel) createQueue(s queueSettings) (*queue, error) {
	v := ch.vhost()
	if ch.broker().gen.refusesTransient && !s.durable && !s.exclusive {
		return nil, refuse(internalError, "Feature `transient_nonexcl_queues` is deprecated."+
			" By default, this feature is not permitted anymore.")
	}
	o, err := ch.broker().gen.parseOptions(s, v.name)
	if err != nil {
		return nil, err
	}
	var owner *connection
	if s.exclusive {
		owner = ch.conn
	}
	q := newQueue(v, s, o, owner)
	v.queues[s.name] = q
	return q, nil
}

// mustBe refuses a declaration that wants another queue than q is.
func (q *queue) mustBe(want queueSettings) error {
	subject := "queue '" + q.name + "' in vhost '" + q.vhost.name + "'"
	for _, field := range []struct {
		name      string
		got, want bool
	}{
		{"durable", q.durable, want.durable},
		{"exclusive", q.exclusive, want.exclusive},
		{"auto_delete", q.autoDelete, want.autoDelete},
	} {
		if field.got != field.want {
			return inequivalent(field.name, subject, "'"+boolText(field.want)+"'", "'"+boolText(field.got)+"'")
		}
	}
	return sameArguments(subject, q.args, want.args, comparedArguments)
}

// queueName stands in for an empty name: the queue declared last on this channel.
func (ch *channel) queueName(name string) (string, error) {
	if name != "" {
		return name, nil
	}
	if ch.lastQueue == "" {
		return "", refuse(notFound, "no previously declared queue")
	}
	return ch.lastQueue, nil
}

// usable returns the queue that a method names, if the user may have it.
func (ch *channel) usable(name string, p permission) (*queue, error) {
	name, err := ch.queueName(name)
	if err != nil {
		return nil, err
	}
	if err := ch.conn.account.check(p, "queue", name, ch.vhost().name); err != nil {
		return nil, err
	}
	return ch.vhost().queue(name, ch.conn)
}

func (ch *channel) queuePurge(m *wire.QueuePurge) error {
	q, err := ch.usable(m.Queue, read)
	if err != nil {
		return err
	}
	ch.answer(m.NoWait, &wire.QueuePurgeOk{MessageCount: uint32(q.purge())})
	return nil
}

func (ch *channel) queueDelete(m *wire.QueueDelete) error {
	name, err := ch.queueName(m.Queue)
	if err != nil {
		return err
	}
	if err := ch.conn.account.check(configure, "queue", name, ch.vhost().name); err != nil {
		return err
	}
	count := 0
	if ch.vhost().queues[name] != nil { // one that is not there is deleted already
		q, err := ch.vhost().queue(name, ch.conn)
		switch {
		case err != nil:
			return err
		case m.IfUnused && len(q.consumers) > 0:
			return refuse(preconditionFailed, "queue '%s' in vhost '%s' in use", q.name, q.vhost.name)
		case m.IfEmpty && q.ready.count > 0:
			return refuse(preconditionFailed, "queue '%s' in vhost '%s' is not empty", q.name, q.vhost.name)
		}
		count = q.delete()
	}
	ch.answer(m.NoWait, &wire.QueueDeleteOk{MessageCount: uint32(count)})
	return nil
}
