package delay

import (
	"fmt"
	"maps"
	"time"

	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

// stranded returns the message of an item for the queue for messages without a destination.
// Its headers say where the message was to go.
func stranded(it *item) *message.Message {
	m := it.message
	m.Headers = cloned(m.Headers)
	m.Headers[record.HeaderReason] = message.ReasonUnrouted
	m.Headers[record.HeaderError] = fmt.Sprintf("no queue takes what is published to exchange %q with routing key %q", it.to.Exchange, it.to.Key)
	m.Headers[record.HeaderLastFailedAt] = time.Now().UTC().Format(time.RFC3339Nano)
	m.Expiration = ""
	return &m
}

func cloned(h message.Headers) message.Headers {
	if h == nil {
		return make(message.Headers)
	}
	return maps.Clone(h)
}

// sizeOf returns about how much memory the body and the headers take, in bytes.
func sizeOf(m *message.Message) int {
	return len(m.Body) + sizeOfTable(m.Headers)
}

func sizeOfTable(table map[string]any) (size int) {
	for name, value := range table {
		size += len(name) + sizeOfValue(value)
	}
	return size
}

func sizeOfValue(value any) int {
	size := 64
	switch v := value.(type) {
	case string:
		size += len(v)
	case []byte:
		size += len(v)
	case []any:
		for _, one := range v {
			size += sizeOfValue(one)
		}
	case message.Headers:
		size += sizeOfTable(v)
	case map[string]any:
		size += sizeOfTable(v)
	}
	return size
}
