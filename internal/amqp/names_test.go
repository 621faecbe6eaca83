package amqp_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/topology"
)

// TestNamesThatNoBrokerShouldBeGivenAreRefused before anything is declared or published.
func TestNamesThatNoBrokerShouldBeGivenAreRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"a line break, which RabbitMQ strips from names of queues", "mail\n", "control character"},
		{"a terminal's escape", "mail\x1b[2J", "control character"},
		{"a C1 control character", "mail\u009b", "control character"},
		{"bytes that are not UTF-8", "mail\xff", "not UTF-8"},
		{"more than 255 bytes", strings.Repeat("m", 256), "256 bytes"},
	} {
		rabbit.Run(t, tt.name, func(t *testing.T) {
			session, err := amqp.Dial(t.Context(), amqp.Config{URL: rabbit.URL(t), Dial: rabbit.Dial}, "test")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = session.Close() }()
			for what, topology := range map[string]topology.Topology{
				"exchange":         {Exchanges: []topology.Exchange{{Name: tt.text, Kind: "topic"}}},
				"queue":            {Queues: []topology.Queue{{Name: tt.text}}},
				"binding's queue":  {Bindings: []topology.Binding{{Exchange: "amq.topic", Queue: tt.text}}},
				"binding's source": {Bindings: []topology.Binding{{Exchange: tt.text, Queue: "q"}}},
				"bound exchange":   {Bindings: []topology.Binding{{Exchange: "amq.topic", ToExchange: tt.text}}},
			} {
				if err := session.Declare(t.Context(), topology); err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%s: Declare returned %v, want one with %q", what, err, tt.want)
				}
				if _, err := session.Plan(t.Context(), topology); err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%s: Plan returned %v, want one with %q", what, err, tt.want)
				}
			}
			for what, queue := range map[string]topology.WorkQueue{"name": {Name: tt.text}, "exchange": {Name: "q", Exchange: tt.text}} {
				if err := queue.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("a work queue's %s: Validate returned %v, want one with %q", what, err, tt.want)
				}
			}
			pub := publisher(t, amqp.Config{URL: rabbit.URL(t)}, tt.text)
			if err := pub.Publish(t.Context(), "key", 1); !errors.Is(err, amqp.ErrMalformed) {
				t.Errorf("Publish returned %v, want ErrMalformed", err)
			}
		})
	}
}
