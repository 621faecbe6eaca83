package asyncapi

import (
	"fmt"

	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/worker"
)

// reply describes what answers the messages of an operation.
type reply struct {
	Address  replyAddress `json:"address"`
	Channel  ref          `json:"channel"`
	Messages []ref        `json:"messages"`
}

type replyAddress struct {
	Location    string `json:"location"`
	Description string `json:"description"`
}

// replyOf adds the reply to the messages of a pattern.
func (b *builder) replyOf(pattern string, p payload) *reply {
	key := b.message(pattern+".reply", p)
	c := channel{
		Title:       "Replies to calls",
		Description: fmt.Sprintf("Each reply has the correlation id of its call. With the header %s it is an error, whose text is in %s, and has no body.", record.HeaderReason, record.HeaderError),
		Bindings: amqp(map[string]any{
			"is": "routingKey", "exchange": map[string]any{"name": "", "type": "default", "durable": true, "autoDelete": false},
		}),
	}
	at := "#/channels/" + b.channel("replies", c, []string{key})
	return &reply{
		Address:  replyAddress{"$message.header#/replyTo", "The property reply-to of the call: an address of RabbitMQ's direct reply-to, or a queue."},
		Channel:  ref{at},
		Messages: []ref{{at + "/messages/" + key}},
	}
}

// addReply adds the operation of a handler that replies. receive is the operation of its queue, and
// key the message of the handler.
func (b *builder) addReply(queue string, h worker.HandlerDescription, receive operation, key string) {
	p := payload{of: h.Reply.Payload}
	if len(h.Reply.ContentTypes) > 0 {
		p.contentType = h.Reply.ContentTypes[0]
	}
	receive.Summary = fmt.Sprintf("Reply to calls in queue %q with the key %q.", queue, h.Pattern)
	receive.Messages = []ref{{receive.Channel.Ref + "/messages/" + key}}
	receive.Reply = b.replyOf(h.Pattern, p)
	b.doc.Operations[b.name("operations", "reply."+queue+"."+h.Pattern, [2]string{queue, h.Pattern})] = receive
}
