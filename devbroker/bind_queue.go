package devbroker

import "github.com/warren-mq/warren/devbroker/internal/wire"

func (ch *channel) queueBind(m *wire.QueueBind) error {
	x, q, key, err := ch.endsOf(m.Exchange, m.Queue, m.RoutingKey)
	if err != nil {
		return err
	}
	x.bind(q, key, m.Arguments)
	ch.answer(m.NoWait, &wire.QueueBindOk{})
	return nil
}

func (ch *channel) queueUnbind(m *wire.QueueUnbind) error {
	x, q, key, err := ch.endsOf(m.Exchange, m.Queue, m.RoutingKey)
	if err != nil {
		return err
	}
	x.unbindOne(q, key, m.Arguments)
	ch.send(&wire.QueueUnbindOk{})
	return nil
}

// endsOf returns the two ends of a binding to a queue. With the queue's name left
// out, an empty key means that name too.
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
	q, err := ch.usable(name, write)
	if err != nil {
		return nil, nil, "", err
	}
	if err := ch.conn.account.check(read, "exchange", from, ch.vhost().name); err != nil {
		return nil, nil, "", err
	}
	x, err := ch.vhost().exchange(from)
	return x, q, key, err
}
