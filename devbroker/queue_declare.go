package devbroker

import (
	"cmp"
	"fmt"
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
	ok := &wire.QueueDeclareOk{Queue: q.name}
	if !q.leaderless {
		ok.MessageCount, ok.ConsumerCount = uint32(q.ready.count), uint32(q.consumerCount())
	}
	ch.answer(m.NoWait, ok)
	return nil
}

// consumerCount returns the number of consumers that is reported to clients. A quorum queue
// also counts each unacked message of basic.get, and cancelled consumers with unacked
// messages. It does not count consumers that wait to become the single active one.
func (q *queue) consumerCount() int {
	if q.kind != quorum {
		return len(q.consumers)
	}
	n := len(q.consumers)
	if q.singleActive {
		n = min(n, 1)
	}
	return n + q.leaving + q.gets
}

func (ch *channel) declareQueue(m *wire.QueueDeclare) (*queue, error) {
	v := ch.vhost()
	if m.Passive {
		if err := ch.conn.account.checkPassive("queue", m.Queue, v.name); err != nil {
			return nil, err
		}
		return v.queue(m.Queue, ch.conn)
	}
	s := queueSettings{
		name: m.Queue, durable: m.Durable, autoDelete: m.AutoDelete, exclusive: m.Exclusive, args: m.Arguments,
	}
	if err := ch.mayDeclareQueue(s.name); err != nil {
		return nil, err
	}
	if s.name == "" {
		s.name = uniqueName("amq.gen-")
	}
	if err := ch.conn.account.check(configure, "queue", s.name, v.name); err != nil {
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

func (ch *channel) mayDeclareQueue(name string) error {
	if strings.HasPrefix(name, "amq.") {
		return refuse(accessRefused, "queue name '%s' contains reserved prefix 'amq.*'", name)
	}
	return nil
}

func (ch *channel) createQueue(s queueSettings) (*queue, error) {
	v := ch.vhost()
	o, err := ch.broker().gen.parseOptions(s, v.name)
	if err != nil {
		return nil, err
	}
	if err := ch.conn.account.checkTarget("queue", s.name, v.name, s.args, "x-dead-letter-exchange"); err != nil {
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

// mustBe returns an error if a declaration differs from q.
func (q *queue) mustBe(want queueSettings) error {
	subject := "queue '" + q.name + "' in vhost '" + q.vhost.name + "'"
	if q.exclusive != want.exclusive {
		return q.vhost.locked(q.name)
	}
	if err := cmp.Or(
		sameFlag("durable", subject, q.durable, want.durable),
		sameFlag("auto_delete", subject, q.autoDelete, want.autoDelete),
	); err != nil {
		return err
	}
	gen := q.broker().gen
	current, wanted := gen.named(q.args), gen.named(want.args)
	if kind, _ := want.args.Get("x-queue-type"); q.kind == classic && (kind == nil || kind == classic) {
		current, wanted = current.Delete("x-queue-type"), wanted.Delete("x-queue-type")
	}
	return sameArguments(subject, current, wanted, gen.compared())
}

// named adds the queue type to the arguments where RabbitMQ does.
func (g generation) named(args wire.Table) wire.Table {
	args = args.Clone()
	if kind, ok := args.Get("x-queue-type"); g.namesDefaultType && (!ok || kind == "") {
		return args.Set("x-queue-type", classic)
	}
	return args
}

// queueName replaces an empty name with the queue declared last on this channel.
func (ch *channel) queueName(name string) (string, error) {
	if name != "" {
		return name, nil
	}
	if ch.lastQueue == "" {
		return "", refuse(notFound, "no previously declared queue")
	}
	return ch.lastQueue, nil
}

// usable returns the queue that a method names, if the user has the permission.
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
	if ch.vhost().queues[name] != nil { // deleting a missing queue succeeds
		q, err := ch.vhost().queue(name, ch.conn)
		switch {
		case err != nil:
			return err
		case q.kind == quorum && (m.IfEmpty || m.IfUnused):
			return q.undeletable(m.IfEmpty)
		case m.IfUnused && len(q.consumers) > 0:
			return refuse(preconditionFailed, "queue '%s' in vhost '%s' in use", q.name, q.vhost.name)
		case m.IfEmpty && q.ready.count > 0:
			return refuse(preconditionFailed, "queue '%s' in vhost '%s' not empty", q.name, q.vhost.name)
		}
		if n := q.delete(); !q.leaderless {
			count = n
		}
	}
	ch.answer(m.NoWait, &wire.QueueDeleteOk{MessageCount: uint32(count)})
	return nil
}

// undeletable returns an error for a conditional delete of a quorum queue.
func (q *queue) undeletable(ifEmpty bool) error {
	flag := "if-unused"
	if ifEmpty {
		flag = "if-empty"
	}
	return refuse(notImplemented, "cannot delete queue '%s' in vhost '%s'. queue.delete operations with %s flag set"+
		" are not supported by quorum queues", q.name, q.vhost.name, flag)
}

// inequivalent returns the error for a declaration that differs from the existing one.
func inequivalent(name, subject, wanted, current string) error {
	return refuse(preconditionFailed, "inequivalent arg '%s' for %s: received %s but current is %s", name, subject, wanted, current)
}

// sameFlag returns an error if a declaration differs in a property.
func sameFlag(name, subject string, current, wanted bool) error {
	if current == wanted {
		return nil
	}
	return inequivalent(name, subject, fmt.Sprintf("'%t'", wanted), fmt.Sprintf("'%t'", current))
}

// sameArguments returns an error if the arguments of a declaration differ from the current
// ones.
func sameArguments(subject string, current, wanted wire.Table, names []string) error {
	for _, name := range names {
		is, isSet := current.Get(name)
		want, wantSet := wanted.Get(name)
		switch {
		case isSet == wantSet && (!isSet || sameValue(is, want)):
			continue
		case isSet && wantSet:
			return inequivalent(name, subject, bareValue(want), bareValue(is))
		}
		return inequivalent(name, subject, typedValue(want, wantSet), typedValue(is, isSet))
	}
	return nil
}

func bareValue(v any) string {
	if v == nil {
		return "none"
	}
	return fmt.Sprintf("'%v'", v)
}

func typedValue(v any, set bool) string {
	if !set {
		return "none"
	}
	return fmt.Sprintf("the value '%v' of type '%s'", v, wire.TypeName(v))
}
