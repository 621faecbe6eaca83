// Package analytics counts what users do.
package analytics

import (
	"context"
	"sync"

	"github.com/warren-mq/warren/examples/signup/event"
	"github.com/warren-mq/warren/message"
)

// Queue is the name of the queue this package works on.
const Queue = "analytics"

// Counter counts events by their routing keys. The zero value has counted nothing.
// It is safe for concurrent use.
type Counter struct {
	mu      sync.Mutex
	counted map[string]map[string]bool // message ids by routing key
}

// Count counts the event being handled, once however often it is delivered.
func (c *Counter) Count(ctx context.Context, _ event.User) error {
	m := message.FromContext(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counted == nil {
		c.counted = make(map[string]map[string]bool)
	}
	if c.counted[m.RoutingKey] == nil {
		c.counted[m.RoutingKey] = make(map[string]bool)
	}
	c.counted[m.RoutingKey][m.ID] = true
	return nil
}

// Of returns how many events with the routing key were counted.
func (c *Counter) Of(key string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.counted[key])
}
