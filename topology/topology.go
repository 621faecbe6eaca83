package topology

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/warren-mq/warren/message"
)

// DeadLetterExchange is the direct exchange through which messages reach their
// dead-letter queues; the routing key is the work queue's name.
const DeadLetterExchange = "warren.dlx"

// Shared returns the exchanges that all work queues of a virtual host share.
func Shared() Topology {
	return Topology{Exchanges: []Exchange{{Name: DeadLetterExchange, Kind: "direct"}, dueExchange()}}
}

// DeadLetterQueue returns the name of the dead-letter queue of a work queue.
func DeadLetterQueue(queue string) string { return queue + ".dlq" }

// Topology is a set of exchanges, queues and bindings. It is plain data.
type Topology struct {
	Exchanges []Exchange
	Queues    []Queue
	Bindings  []Binding
}

// Exchange is a durable exchange. Kind is topic, direct, fanout or headers, or a type that
// a plugin adds.
type Exchange struct {
	Name      string
	Kind      string
	Arguments message.Headers
}

// Queue is a durable queue with the arguments it is declared with.
type Queue struct {
	Name      string
	Arguments message.Headers
	// Exclusive makes it a queue of one connection instead: it is not durable, and it is
	// deleted when the connection or its last consumer ends.
	Exclusive bool
}

// Binding routes from Exchange to Queue, or to the exchange ToExchange.
type Binding struct {
	Exchange   string
	Key        string
	Queue      string
	ToExchange string
	Arguments  message.Headers
}

// Validate reports every invalid name in t: names of exchanges and queues must be UTF-8
// without control characters, at most 255 bytes.
func (t Topology) Validate() error {
	errs := make([]error, 0, len(t.Exchanges)+len(t.Queues)+3*len(t.Bindings))
	for _, x := range t.Exchanges {
		errs = append(errs, CheckName("exchange", x.Name))
	}
	for _, q := range t.Queues {
		errs = append(errs, CheckName("queue", q.Name))
	}
	for _, b := range t.Bindings {
		errs = append(errs, CheckName("exchange", b.Exchange), CheckName("queue", b.Queue), CheckName("exchange", b.ToExchange))
	}
	return errors.Join(errs...)
}

// Merge returns t with the parts of more appended.
func (t Topology) Merge(more ...Topology) Topology {
	for _, m := range more {
		t.Exchanges = append(slices.Clip(t.Exchanges), m.Exchanges...)
		t.Queues = append(slices.Clip(t.Queues), m.Queues...)
		t.Bindings = append(slices.Clip(t.Bindings), m.Bindings...)
	}
	return t
}

// Without returns t without the queues of these names and their bindings.
func (t Topology) Without(queues ...string) Topology {
	t.Queues = slices.DeleteFunc(slices.Clone(t.Queues), func(q Queue) bool { return slices.Contains(queues, q.Name) })
	t.Bindings = slices.DeleteFunc(slices.Clone(t.Bindings), func(b Binding) bool { return slices.Contains(queues, b.Queue) })
	return t
}

// Unique returns t with duplicates removed.
func (t Topology) Unique() Topology {
	return Topology{
		Exchanges: unique(t.Exchanges, func(x Exchange) any { return x.Name }),
		Queues:    unique(t.Queues, func(q Queue) any { return q.Name }),
		Bindings: unique(t.Bindings, func(b Binding) any {
			return [4]string{b.Exchange, b.Key, b.Queue, b.ToExchange}
		}),
	}
}

func unique[T any](all []T, identity func(T) any) []T {
	seen := make(map[any]bool, len(all))
	return slices.DeleteFunc(slices.Clone(all), func(x T) bool {
		id := identity(x)
		defer func() { seen[id] = true }()
		return seen[id]
	})
}

// Unusual returns the exchanges of t whose types come with plugins. RabbitMQ closes the
// connection of a client that declares an exchange whose type it does not have.
// A worker therefore declares them over a separate connection.
func (t Topology) Unusual() Topology {
	return Topology{Exchanges: slices.DeleteFunc(slices.Clone(t.Exchanges), func(x Exchange) bool { return !x.IsUnusual() })}
}

// IsUnusual reports whether the type of the exchange comes with a plugin.
func (x Exchange) IsUnusual() bool {
	return !slices.Contains([]string{"topic", "direct", "fanout", "headers"}, x.Kind)
}

// MaxShortString is the longest text of a property, in bytes.
const MaxShortString = 255

// CheckName returns an error for a name that RabbitMQ would change (it strips line breaks
// from the names of queues), or that breaks terminals and logs.
func CheckName(kind, name string) error {
	switch {
	case len(name) > MaxShortString:
		return fmt.Errorf("topology: %s %.40q…: the name has %d bytes, want at most %d", kind, name, len(name), MaxShortString)
	case !utf8.ValidString(name):
		return fmt.Errorf("topology: %s %q: the name is not UTF-8", kind, name)
	case strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("topology: %s %q: the name has a control character", kind, name)
	}
	return nil
}
