package amqp_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/topology"
)

// session opens a session for the test.
func session(t *testing.T, cfg amqp.Config) *amqp.Session {
	t.Helper()
	s, err := amqp.Dial(t.Context(), reaching(cfg), "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// workQueue is a queue of the test's own, removed at its end.
func workQueue(t *testing.T, url string) topology.WorkQueue {
	t.Helper()
	name := rabbit.Queue(t)
	q := topology.WorkQueue{Name: name, Exchange: name + "-x", Keys: []string{"user.*", "#"}}
	t.Cleanup(func() {
		ch := rabbit.Channel(t, url)
		for _, queue := range []string{q.Name, topology.DeadLetterQueue(q.Name), topology.ParkingQueue(q.Name)} {
			if _, err := ch.QueueDelete(queue, false, false, false); err != nil {
				t.Error(err)
			}
		}
		if err := ch.ExchangeDelete(q.Exchange, false, false); err != nil {
			t.Error(err)
		}
	})
	return q
}

func actions(changes []topology.Change) map[string]topology.Action {
	m := make(map[string]topology.Action)
	for _, c := range changes {
		m[c.Kind+" "+c.Name] = c.Action
	}
	return m
}

// TestPlan tells what declaring would do, changes nothing, and explains conflicts.
func TestPlan(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		url := rabbit.URL(t)
		s := session(t, amqp.Config{URL: url})
		q := workQueue(t, url)
		plan := func(q topology.WorkQueue) []topology.Change {
			t.Helper()
			changes, err := s.Plan(t.Context(), q.Topology())
			if err != nil {
				t.Fatal(err)
			}
			return changes
		}
		for range 2 { // the first plan must not have created anything
			for name, action := range actions(plan(q)) {
				if action != topology.Create {
					t.Errorf("before declaring, the plan for %s is %s, want create", name, action)
				}
			}
		}
		if err := s.Declare(t.Context(), topology.Shared().Merge(q.Topology())); err != nil {
			t.Fatal(err)
		}
		for name, action := range actions(plan(q)) {
			if action != topology.Same {
				t.Errorf("after declaring, the plan for %s is %s, want same", name, action)
			}
		}
		q.DeliveryLimit, q.ExchangeKind = 7, "fanout"
		changes := plan(q)
		if got := actions(changes); got["queue "+q.Name] != topology.Conflict || got["exchange "+q.Exchange] != topology.Conflict || got["queue "+q.Name+".dlq"] != topology.Same {
			t.Errorf("with other arguments the plan is %v", got)
		}
		text := topology.Conflicts(changes).Error()
		for _, want := range []string{
			"queue " + q.Name + ": x-delivery-limit is 20, wanted 7",
			"exchange " + q.Exchange + ": type is topic, wanted fanout",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("the conflicts are\n%s\nwant one with %q", text, want)
			}
		}
		if err := s.Declare(t.Context(), q.Topology()); err == nil {
			t.Error("declaring with other arguments succeeded")
		} else if _, ok := errors.AsType[*topology.ConflictError](err); !ok {
			t.Errorf("declaring returned %v, want a *ConflictError", err)
		}
	})
}

// TestConflictsAreExplained covers the arguments users change most.
func TestConflictsAreExplained(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		exists  amqp091.Table
		durable bool
		change  func(*topology.WorkQueue)
		want    string
	}{
		{"a classic queue where a quorum queue is wanted", amqp091.Table{"x-dead-letter-exchange": topology.DeadLetterExchange, "x-overflow": "reject-publish"}, true, func(*topology.WorkQueue) {}, "x-queue-type is "},
		{"other priorities", amqp091.Table{"x-max-priority": 10, "x-dead-letter-exchange": topology.DeadLetterExchange}, true, func(q *topology.WorkQueue) { q.MaxPriority = 5 }, "x-max-priority is 10, wanted 5"},
		{"a transient queue", nil, false, func(q *topology.WorkQueue) { q.Type = topology.Classic }, "durable is "},
	}
	for _, tt := range tests {
		rabbit.Run(t, tt.name, func(t *testing.T) {
			url := rabbit.URL(t)
			s := session(t, amqp.Config{URL: url})
			ch := rabbit.Channel(t, url)
			q := topology.WorkQueue{Name: rabbit.Queue(t)}
			if tt.exists != nil {
				tt.exists["x-dead-letter-routing-key"] = q.Name
			}
			if _, err := ch.QueueDeclare(q.Name, tt.durable, false, false, false, tt.exists); err != nil {
				t.Fatal(err)
			}
			defer func() {
				if _, err := ch.QueueDelete(q.Name, false, false, false); err != nil {
					t.Error(err)
				}
			}()
			tt.change(&q)
			changes, err := s.Plan(t.Context(), q.Topology())
			if err != nil {
				t.Fatal(err)
			}
			if err := topology.Conflicts(changes); err == nil || !strings.Contains(err.Error(), q.Name+": "+tt.want) {
				t.Errorf("conflict %v, want one with %q", err, tt.want)
			}
		})
	}
}

// TestWorkQueueIsChecked is bad input: each fault names the queue and what is wanted.
func TestWorkQueueIsChecked(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		q    topology.WorkQueue
		want string // none if empty
	}{
		{"a plain one is good", topology.WorkQueue{Name: "email"}, ""},
		{"200 bytes are good", topology.WorkQueue{Name: strings.Repeat("n", 200)}, ""},
		{"no name", topology.WorkQueue{}, "the name is empty"},
		{"201 bytes", topology.WorkQueue{Name: strings.Repeat("n", 201)}, "201 bytes, want at most 200"},
		{"a word that is a pattern", topology.WorkQueue{Name: "a.*.b"}, "a word * or #"},
		{"a reserved name", topology.WorkQueue{Name: "warren.delay.00"}, "reserved"},
		{"an unknown type", topology.WorkQueue{Name: "q", Type: "lazy"}, `Type is "lazy", want "quorum", "classic" or "stream"`},
		{"too many priorities", topology.WorkQueue{Name: "q", MaxPriority: 11}, "MaxPriority is 11, want 0 to 10"},
		{"priorities on a quorum queue are the broker's", topology.WorkQueue{Name: "q", MaxPriority: 5, Type: topology.Quorum}, ""},
		{"a delivery limit of -1", topology.WorkQueue{Name: "q", DeliveryLimit: -1}, "DeliveryLimit is -1"},
		{"a delivery limit on a classic queue", topology.WorkQueue{Name: "q", DeliveryLimit: 5, Type: topology.Classic}, "classic queues take none"},
		{"a negative TTL", topology.WorkQueue{Name: "q", MessageTTL: -time.Second}, "MessageTTL is -1s"},
		{"a pattern on a direct exchange", topology.WorkQueue{Name: "q", Exchange: "x", ExchangeKind: "direct", Keys: []string{"a.*"}}, "a direct exchange has none"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := tt.q.Validate()
			if (err == nil) != (tt.want == "") || (err != nil && !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("Validate returned %v, want %q", err, tt.want)
			}
		})
	}
}

// TestDefinitionsImport has RabbitMQ read what is exported, and plans against it.
func TestDefinitionsImport(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		node := rabbit.Start(t)
		wanted := topology.Shared().Merge(topology.WorkQueue{Name: "email", Exchange: "events", Keys: []string{"user.*"}}.Topology(),
			topology.WorkQueue{Name: "urgent", Exchange: "events", Keys: []string{"#"}, MaxPriority: 10}.Topology()).Unique()
		definitions, err := wanted.Definitions("/")
		if err != nil {
			t.Fatal(err)
		}
		node.Import(t, definitions)
		s := session(t, amqp.Config{URL: node.URL()})
		changes, err := s.Plan(t.Context(), wanted)
		if err != nil {
			t.Fatal(err)
		}
		for name, action := range actions(changes) {
			if action != topology.Same {
				t.Errorf("after the import the plan for %s is %s, want same", name, action)
			}
		}
		p := publisher(t, amqp.Config{URL: node.URL()}, "events")
		if err := p.Publish(t.Context(), "user.signed_up", 1); err != nil {
			t.Errorf("Publish through imported bindings returned %v", err)
		}
	})
}
