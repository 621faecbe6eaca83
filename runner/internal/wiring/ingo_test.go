package wiring_test

import (
	"context"
	"reflect"
	"testing"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/wiring"
)

// TestTheTypesOfHandlersInGoAreDescribed with those of batches.
func TestTheTypesOfHandlersInGoAreDescribed(t *testing.T) {
	t.Parallel()
	c, err := config.Load(config.Source{Handlers: []string{"one"}, Batches: []string{"all"}, Data: []byte(`queues:
  - {name: a, handlers: [{key: a, go: one}]}
  - {name: b, handlers: [{key: b, go: all, batch: {size: 10}}]}
`)})
	if err != nil {
		t.Fatal(err)
	}
	app, err := wiring.Describe(c, c, "", wiring.Go{
		Handlers: map[string]handler.Handler{"one": handler.Typed(func(context.Context, string) error { return nil })},
		Batches:  map[string]handler.BatchHandler{"all": handler.Batch(func(context.Context, []string) error { return nil })},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range app.Queues {
		if payload := q.Handlers[0].Payload; payload != reflect.TypeFor[string]() {
			t.Errorf("queue %s: the payload is %v, want string", q.Name, payload)
		}
	}
}
