package devbroker

import (
	"strings"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// replyTo is the queue name of RabbitMQ's direct reply-to, with which a channel consumes
// answers without declaring a queue. Here a hidden queue holds them. It is deleted with
// its consumer.
const replyTo = "amq.rabbitmq.reply-to"

// replyQueue returns the hidden queue of this channel. Its consumer must use no-ack.
func (ch *channel) replyQueue(noAck bool) (*queue, error) {
	switch {
	case !noAck:
		return nil, refuse(preconditionFailed, "reply consumer cannot acknowledge")
	case ch.replies != nil && !ch.replies.deleted:
		return nil, refuse(preconditionFailed, "reply consumer already set")
	}
	settings := queueSettings{name: uniqueName(replyTo + "."), autoDelete: true}
	options, err := ch.broker().gen.parseOptions(settings, ch.vhost().name)
	if err != nil {
		return nil, err
	}
	ch.replies = newQueue(ch.vhost(), settings, options, nil)
	ch.vhost().queues[settings.name] = ch.replies
	return ch.replies, nil
}

// nameReplies sets reply-to to the name of the hidden queue if a message asks for direct
// replies.
func (ch *channel) nameReplies(m *message) error {
	if m.parsed.ReplyTo != replyTo {
		return nil
	}
	if ch.replies == nil || ch.replies.deleted {
		return refuse(preconditionFailed, "fast reply consumer does not exist")
	}
	m.parsed.ReplyTo = ch.replies.name
	m.properties = m.parsed.Append(nil)
	return nil
}

// source returns the queue to consume from.
func (ch *channel) source(m *wire.BasicConsume) (*queue, error) {
	if m.Queue == replyTo {
		return ch.replyQueue(m.NoAck)
	}
	return ch.usable(m.Queue, read)
}

// unrouted reports whether a mandatory message is returned, given the number of queues that took it.
// Older releases return every direct reply. RabbitMQ 4.3 returns none, even if its caller has
// gone, except a reply to a name that is not an address.
func (ch *channel) unrouted(m *message, queues int) bool {
	address, direct := strings.CutPrefix(m.key, replyTo+".")
	switch {
	case m.exchange != "" || !direct:
		return queues == 0
	case ch.broker().gen.returnsReplies:
		return true
	}
	return len(address) != len(uniqueName(""))
}

func (q *queue) hidden() bool { return strings.HasPrefix(q.name, replyTo+".") }
