package broker

import (
	"slices"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/message"
)

// fields are headers as amqp091 writes them without loss: it would cut an int to 32
// bits, and knows no tables but its own. Headers that need no change are not copied.
func fields(h message.Headers) amqp.Table {
	for _, v := range h {
		if foreign(v) {
			return converted(h)
		}
	}
	return amqp.Table(h)
}

// foreign says whether v, or something in it, has to be converted.
func foreign(v any) bool {
	switch v := v.(type) {
	case int, message.Headers, map[string]any:
		return true
	case []any:
		return slices.ContainsFunc(v, foreign)
	case amqp.Table:
		for _, e := range v {
			if foreign(e) {
				return true
			}
		}
	}
	return false
}

func converted(h map[string]any) amqp.Table {
	t := make(amqp.Table, len(h))
	for name, v := range h {
		t[name] = field(v)
	}
	return t
}

func field(v any) any {
	switch v := v.(type) {
	case int:
		return int64(v)
	case message.Headers:
		return converted(v)
	case map[string]any:
		return converted(v)
	case amqp.Table:
		return converted(v)
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = field(e)
		}
		return list
	}
	return v
}
