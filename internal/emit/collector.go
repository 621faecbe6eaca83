// Package emit keeps the messages that a handler emits until the handler has returned, and
// publishes them then.
package emit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/warren-mq/warren/message"
)

// ErrNoHandler says that a message was emitted outside of a handler.
var ErrNoHandler = errors.New("emit: the context does not belong to a running handler of a worker")

// dropTimeout bounds what is done for the messages that are not published.
const dropTimeout = 5 * time.Second

// Emission is a message that is encoded and not yet published.
type Emission interface {
	Message() *message.Message
	// Start publishes the message, and returns what waits for its confirm.
	Start(ctx context.Context) (wait func() error, err error)
	// Drop is called if the message is not published.
	Drop(ctx context.Context)
}

// Origin is the handling that emits messages.
type Origin struct{ MessageID, Queue, Handler string }

// Collector keeps the messages that one call of a handler emits. It is safe for concurrent use.
type Collector struct {
	origin Origin

	mu        sync.Mutex
	refused   error // why Add fails; nil while the handler runs
	numbers   map[string]int
	waiting   []Emission
	published []*message.Message
}

// New returns a collector for one call of a handler.
func New(o Origin) *Collector { return &Collector{origin: o} }

// Key is the key of the *Collector in the context of a handler.
type Key struct{}

// From returns the collector of ctx, or nil.
func From(ctx context.Context) *Collector {
	c, _ := ctx.Value(Key{}).(*Collector)
	return c
}

// Refuse returns a context in which messages cannot be emitted, because of why.
func Refuse(ctx context.Context, why string) context.Context {
	return context.WithValue(ctx, Key{}, &Collector{refused: fmt.Errorf("%w: %s", ErrNoHandler, why)})
}

// namespace is the namespace of the ids of emitted messages.
var namespace = uuid.MustParse("6f1d2c3a-8f0b-4c57-9d5e-3b7a4e21c9d6")

// ID returns the id of the next message to the exchange with the key. Each run of the handler
// for the same message gets the same ids. It is empty if that message has no id.
func (c *Collector) ID(exchange, key string) string {
	o := c.origin
	if o.MessageID == "" {
		return ""
	}
	name := fmt.Sprintf("%q %q %q %q %q", o.MessageID, o.Queue, o.Handler, exchange, key)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.numbers == nil {
		c.numbers = make(map[string]int)
	}
	n := c.numbers[name]
	c.numbers[name]++
	return uuid.NewSHA1(namespace, fmt.Appendf(nil, "%s %d", name, n)).String()
}

// Open returns why messages cannot be added: nil while the handler runs.
func (c *Collector) Open() error {
	if c == nil {
		return ErrNoHandler
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused
}

// Add keeps e until the handler has returned.
func (c *Collector) Add(e Emission) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refused == nil {
		c.waiting = append(c.waiting, e)
	}
	return c.refused
}

// Published returns the messages that were published and confirmed.
func (c *Collector) Published() []*message.Message {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.published
}

// Close ends the collection, and returns the messages, which are not published.
func (c *Collector) Close() (all []*message.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refused = ErrNoHandler
	for _, e := range c.waiting {
		all = append(all, e.Message())
	}
	return all
}

// Finish ends the collection. It publishes the messages if err, the result of the handler, is
// nil, and returns the result of the handling. c may be nil.
func (c *Collector) Finish(ctx context.Context, err error) error {
	if c == nil {
		return err
	}
	c.mu.Lock()
	c.refused = ErrNoHandler
	c.mu.Unlock()
	return c.Flush(ctx, Mark{}, err)
}

// Mark is a moment in a call of a handler. The zero Mark is its beginning.
type Mark struct {
	waiting int
	numbers map[string]int
}

// Mark returns the present moment. c may be nil.
func (c *Collector) Mark() Mark {
	if c == nil {
		return Mark{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return Mark{len(c.waiting), maps.Clone(c.numbers)}
}

// Flush publishes the messages since a mark if err is nil. Otherwise it drops them, and the ids
// continue as after the mark. c may be nil.
func (c *Collector) Flush(ctx context.Context, since Mark, err error) error {
	if c == nil {
		return err
	}
	c.mu.Lock()
	at := min(since.waiting, len(c.waiting))
	waiting := slices.Clone(c.waiting[at:])
	c.waiting = c.waiting[:at]
	if err != nil {
		c.numbers = since.numbers
	}
	c.mu.Unlock()
	if err != nil {
		drop(ctx, waiting)
		return err
	}
	if err := publish(ctx, waiting); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range waiting {
		c.published = append(c.published, e.Message())
	}
	return nil
}

// publish publishes all before it waits for the first confirm. If one cannot be sent, the
// messages after it are not sent either, since the handler runs again.
func publish(ctx context.Context, all []Emission) error {
	waits, errs := start(ctx, all)
	unconfirmed := len(all) - len(waits)
	for _, wait := range waits {
		if err := wait(); err != nil {
			errs = append(errs, err)
			unconfirmed++
		}
	}
	if unconfirmed == 0 {
		return nil
	}
	return fmt.Errorf("emit: publish what the handler emitted: %d of %d messages were not confirmed: %w", unconfirmed, len(all), errors.Join(errs...))
}

func start(ctx context.Context, all []Emission) (waits []func() error, errs []error) {
	for i, e := range all {
		if ctx.Err() != nil {
			drop(ctx, all[i:])
			return waits, []error{context.Cause(ctx)}
		}
		wait, err := e.Start(ctx)
		if err != nil {
			drop(ctx, all[i+1:])
			return waits, []error{err}
		}
		waits = append(waits, wait)
	}
	return waits, nil
}

func drop(ctx context.Context, all []Emission) {
	if len(all) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTimeout)
	defer cancel()
	for _, e := range all {
		e.Drop(ctx)
	}
}
