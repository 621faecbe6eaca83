package devbroker

import "github.com/warren-mq/warren/devbroker/internal/wire"

func (ch *channel) queueBind(m *wire.QueueBind) error {
	x, q, key, err := ch.endsOf(m.Exchange, m.Queue, m.RoutingKey)
	if err != nil {
		return err
	}
	if _, err := ch.vhost().queue(q.name, ch.conn); err != nil {
		return err
	}
	if err := x.takes(m.Arguments); err != nil {
		return err
	}
	x.bind(q, key, m.Arguments)
	ch.answer(m.NoWait, &wire.QueueBindOk{})
	return nil
}

func (ch *channel) queueUnbind(m *wire.QueueUnbind) error {
	x, q, key, err := ch.endsOf(m.Exchange, m.Queue, m.RoutingKey)
	if isMissing(err) { // unbinding succeeds if an end is missing
		ch.send(&wire.QueueUnbindOk{})
		return nil
	}
	if err != nil {
		return err
	}
	x.unbindOne(q, key, m.Arguments)
	ch.send(&wire.QueueUnbindOk{})
	return nil
}

// endsOf returns the two ends of a binding to a queue. If the queue's name is empty, an
// empty key stands for the queue's name too.
func (ch *channel) endsOf(from, to, key string) (*exchange, *queue, string, error) {
	if from == "" {
		return nil, nil, "", refuse(accessRefused, "operation not permitted on the default exchange")
	}
	name, err := ch.queueName(to)
	if err != nil {
		return nil, nil, "", err
	}
	if to == "" && key == "" {
		key = name
	}
	account, vhost := ch.conn.account, ch.vhost()
	if err := account.check(write, "queue", name, vhost.name); err != nil {
		return nil, nil, "", err
	}
	if err := account.check(read, "exchange", from, vhost.name); err != nil {
		return nil, nil, "", err
	}
	x, err := vhost.exchange(from)
	if err != nil {
		return nil, nil, "", err
	}
	q := vhost.queues[name]
	if q == nil {
		return nil, nil, "", refuse(notFound, "no queue '%s' in vhost '%s'", name, vhost.name)
	}
	return x, q, key, nil
}

// isMissing reports whether an error is a not-found error.
func isMissing(err error) bool {
	reply := asReply(err)
	return reply != nil && reply.code == notFound
}
