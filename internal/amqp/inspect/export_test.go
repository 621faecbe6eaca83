package inspect

import "github.com/warren-mq/warren/internal/amqp"

// Waiting returns the bytes of the messages that were received and not passed on yet.
func (i *Inspection) Waiting() (n int) {
	for _, raw := range i.backlog {
		n += len(raw.Body) + amqp.TableSize(raw.Headers)
	}
	return n
}
