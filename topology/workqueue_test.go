package topology_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// quorum returns the arguments that every quorum queue has, and more.
func quorum(more message.Headers) message.Headers {
	a := message.Headers{
		"x-queue-type": "quorum", "x-delivery-limit": 20, "x-overflow": "reject-publish",
		"x-queue-leader-locator": "balanced", "x-consumer-disconnected-timeout": topology.DisconnectedTimeout,
	}
	maps.Copy(a, more)
	return a
}

// TestArgumentsOfAWorkQueue are what Warren adds, without what the user leaves out.
func TestArgumentsOfAWorkQueue(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		queue topology.WorkQueue
		want  message.Headers
	}{
		"only the user's": {
			topology.WorkQueue{OnlyArguments: true, Type: topology.Classic, Arguments: message.Headers{"x-max-length": 5}},
			message.Headers{"x-max-length": 5},
		},
		"none at all": {topology.WorkQueue{OnlyArguments: true}, message.Headers{}},
		"nil leaves one out": {
			topology.WorkQueue{Type: topology.Classic, Arguments: message.Headers{"x-dead-letter-routing-key": nil}},
			message.Headers{"x-queue-type": "classic", "x-dead-letter-exchange": "warren.dlx"},
		},
		"a stream has only its type": {topology.WorkQueue{Type: topology.Stream}, message.Headers{"x-queue-type": "stream"}},
		"a quorum queue has no priority argument": {
			topology.WorkQueue{Type: topology.Quorum, MaxPriority: 10, DeadLetters: topology.DeadLetters{Discard: true}},
			quorum(nil),
		},
		"priorities are classic by default": {
			topology.WorkQueue{MaxPriority: 10, DeadLetters: topology.DeadLetters{Reject: true}},
			message.Headers{"x-queue-type": "classic", "x-max-priority": 10},
		},
		"another team's exchange, by the message's own key": {
			topology.WorkQueue{Type: topology.Classic, DeadLetters: topology.DeadLetters{Exchange: "dlx"}},
			message.Headers{"x-queue-type": "classic", "x-dead-letter-exchange": "dlx"},
		},
		"another team's queue": {
			topology.WorkQueue{DeadLetters: topology.DeadLetters{Key: "dead"}},
			quorum(message.Headers{
				"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead", "x-dead-letter-strategy": "at-least-once",
			}),
		},
		"a queue of one process is classic": {
			topology.WorkQueue{Instance: "a", DeadLetters: topology.DeadLetters{Discard: true}},
			message.Headers{"x-queue-type": "classic"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.queue.Name = "q"
			got := tt.queue.Own().Queues[0]
			if !maps.Equal(got.Arguments, tt.want) || got.Name != tt.queue.QueueName() {
				t.Errorf("%s has the arguments %v, want %v", got.Name, got.Arguments, tt.want)
			}
		})
	}
}

// TestTheDeadLetterQueueIsDeclaredAsDescribed.
func TestTheDeadLetterQueueIsDeclaredAsDescribed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		letters topology.DeadLetters
		queue   string // declared; empty: none
		want    message.Headers
		reads   string // where runner dlq looks
	}{
		"the default":                 {topology.DeadLetters{}, "q.dlq", message.Headers{}, "q.dlq"},
		"another name":                {topology.DeadLetters{Queue: "dead"}, "dead", message.Headers{}, "dead"},
		"bounded":                     {topology.DeadLetters{MaxLength: 5}, "q.dlq", message.Headers{"x-max-length": 5, "x-overflow": "reject-publish"}, "q.dlq"},
		"the newest only":             {topology.DeadLetters{MaxLength: 5, Overflow: "drop-head", MessageTTL: 1e9}, "q.dlq", message.Headers{"x-max-length": 5, "x-overflow": "drop-head", "x-message-ttl": int64(1000)}, "q.dlq"},
		"an exchange":                 {topology.DeadLetters{Exchange: "dlx", Key: "k"}, "", nil, ""},
		"a queue":                     {topology.DeadLetters{Key: "dead"}, "", nil, "dead"},
		"reject":                      {topology.DeadLetters{Reject: true}, "", nil, ""},
		"reject to a queue of Warren": {topology.DeadLetters{Reject: true, Queue: "dead"}, "dead", message.Headers{}, "dead"},
		"nowhere":                     {topology.DeadLetters{Discard: true}, "", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := topology.WorkQueue{Name: "q", DeadLetters: tt.letters}
			if err := q.Validate(); err != nil {
				t.Fatal(err)
			}
			if got := q.DeadLetterQueue(); got != tt.reads {
				t.Errorf("the dead-letter queue is %q, want %q", got, tt.reads)
			}
			if got, known := q.Topology().DeadLetterQueue("q"); got != tt.reads || !known {
				t.Errorf("the dead-letter queue in the topology is %q, %t, want %q", got, known, tt.reads)
			}
			declared := slices.DeleteFunc(q.Support().Queues, func(q topology.Queue) bool { return topology.IsParking(q.Name) })
			if tt.queue == "" {
				if len(declared) > 0 {
					t.Errorf("%v is declared, want none", declared)
				}
				return
			}
			want := message.Headers{"x-queue-type": "quorum", "x-queue-leader-locator": "balanced", "x-delivery-limit": topology.NeverReached}
			maps.Copy(want, tt.want)
			if declared[0].Name != tt.queue || !maps.Equal(declared[0].Arguments, want) {
				t.Errorf("%s is declared with %v, want %s with %v", declared[0].Name, declared[0].Arguments, tt.queue, want)
			}
		})
	}
}

// TestWorkQueueFaults names what is wrong.
func TestWorkQueueFaults(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		queue topology.WorkQueue
		want  string
	}{
		"discard and a queue":                        {topology.WorkQueue{DeadLetters: topology.DeadLetters{Discard: true, Queue: "dead"}}, "Discard and a place to go"},
		"a queue and an exchange":                    {topology.WorkQueue{DeadLetters: topology.DeadLetters{Queue: "dead", Exchange: "dlx"}}, "a Key without an Exchange names an existing queue"},
		"reject without a record":                    {topology.WorkQueue{DeadLetters: topology.DeadLetters{Reject: true, WithoutRecord: true}}, "Reject and WithoutRecord"},
		"an unknown overflow":                        {topology.WorkQueue{DeadLetters: topology.DeadLetters{MaxLength: 1, Overflow: "drop"}}, `Overflow is "drop", want "reject-publish" or "drop-head"`},
		"a bound of others' queue":                   {topology.WorkQueue{DeadLetters: topology.DeadLetters{Key: "dead", MaxLength: 1}}, "belong to a dead-letter queue that Warren declares"},
		"the queue itself":                           {topology.WorkQueue{DeadLetters: topology.DeadLetters{Queue: "q"}}, "DeadLetters is the queue itself"},
		"a stream with a TTL":                        {topology.WorkQueue{Type: topology.Stream, MessageTTL: 1}, "Type is stream, which has no MaxPriority, MessageTTL"},
		"a stream that rejects":                      {topology.WorkQueue{Type: topology.Stream, DeadLetters: topology.DeadLetters{Reject: true}}, "does not dead-letter them"},
		"a quorum queue of one process":              {topology.WorkQueue{Type: topology.Quorum, Instance: "a"}, "want classic: RabbitMQ refuses other exclusive queues"},
		"a binding of no exchange":                   {topology.WorkQueue{Bindings: []topology.Binding{{Key: "k"}}}, "want the name of an exchange"},
		"one partition":                              {topology.WorkQueue{Partitions: 1}, "Partitions is 1, want 2 to 64"},
		"classic partitions":                         {topology.WorkQueue{Partitions: 2, Type: topology.Classic}, "want Type quorum"},
		"partitions with priorities":                 {topology.WorkQueue{Partitions: 2, Type: topology.Quorum, MaxPriority: 5}, "no MaxPriority"},
		"partitions of one process":                  {topology.WorkQueue{Partitions: 2, Instance: "a"}, "want neither a queue of one process"},
		"partitions with native delays":              {topology.WorkQueue{Partitions: 2, RetryPause: 1}, "want no native delays"},
		"arguments without a single active consumer": {topology.WorkQueue{OnlyArguments: true, SingleActive: true}, "SingleActive is set, and the queue is declared without x-single-active-consumer, want it in Arguments"},
		"arguments against a single active consumer": {topology.WorkQueue{SingleActive: true, Arguments: message.Headers{"x-single-active-consumer": false}}, "SingleActive is set"},
		"partitions without an active consumer":      {topology.WorkQueue{Partitions: 2, Arguments: message.Headers{"x-single-active-consumer": nil}}, "Partitions is set"},
		"arguments without the TTL":                  {topology.WorkQueue{OnlyArguments: true, MessageTTL: 1e9}, "without x-message-ttl"},
		"arguments without the length":               {topology.WorkQueue{MaxLength: 5, Arguments: message.Headers{"x-max-length": nil}}, "without x-max-length"},
		"arguments without priorities":               {topology.WorkQueue{OnlyArguments: true, MaxPriority: 5}, "without x-max-priority"},
		"arguments without the delivery limit":       {topology.WorkQueue{OnlyArguments: true, DeliveryLimit: 5}, "without x-delivery-limit"},
		"arguments without native delays":            {topology.WorkQueue{OnlyArguments: true, RetryPause: 1e9}, "without x-delayed-retry-type"},
		"rejects that are deleted":                   {topology.WorkQueue{OnlyArguments: true, DeadLetters: topology.DeadLetters{Reject: true, Queue: "dead"}}, `want x-dead-letter-exchange "warren.dlx" and x-dead-letter-routing-key "q" in Arguments`},
		"rejects for others that are deleted":        {topology.WorkQueue{Arguments: message.Headers{"x-dead-letter-exchange": nil}, DeadLetters: topology.DeadLetters{Reject: true, Exchange: "dlx"}}, "declared without x-dead-letter-exchange"},
		"rejects that go elsewhere":                  {topology.WorkQueue{OnlyArguments: true, Arguments: message.Headers{"x-dead-letter-exchange": "warren.dlx"}, DeadLetters: topology.DeadLetters{Reject: true, Queue: "dead"}}, `x-dead-letter-routing-key "q" in Arguments`},
		"an unknown type":                            {topology.WorkQueue{Type: "lazy"}, `Type is "lazy", want "quorum", "classic" or "stream"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.queue.Name = "q"
			if err := tt.queue.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Validate returned %v, want %q in it", err, tt.want)
			}
		})
	}
}

// TestOnlyArgumentsWithTheArgumentsOfOtherFields is valid.
func TestOnlyArgumentsWithTheArgumentsOfOtherFields(t *testing.T) {
	t.Parallel()
	for name, q := range map[string]topology.WorkQueue{
		"a quorum queue": {
			SingleActive: true, MessageTTL: 1e9, MaxLength: 5, DeliveryLimit: 3,
			DeadLetters: topology.DeadLetters{Reject: true, Queue: "dead"},
			Arguments: message.Headers{
				"x-single-active-consumer": true, "x-message-ttl": 1000, "x-max-length": 5, "x-delivery-limit": 3,
				"x-dead-letter-exchange": "warren.dlx", "x-dead-letter-routing-key": "q",
			},
		},
		"a priority queue":                  {MaxPriority: 5, Arguments: message.Headers{"x-max-priority": 5}},
		"priorities of a quorum queue":      {Type: topology.Quorum, MaxPriority: 5},
		"rejects to another team's queue":   {DeadLetters: topology.DeadLetters{Reject: true, Key: "dead"}, Arguments: message.Headers{"x-dead-letter-exchange": "theirs"}},
		"rejects, as a policy of the queue": {DeadLetters: topology.DeadLetters{Reject: true}},
	} {
		q.Name, q.OnlyArguments = "q", true
		if err := q.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestModes(t *testing.T) {
	t.Parallel()
	for _, m := range []topology.Mode{"", topology.Manage, topology.Verify, topology.Trust} {
		if err := m.Validate(); err != nil || m.Manages() != (m == "" || m == topology.Manage) {
			t.Errorf("%q: %v, manages %v", m, err, m.Manages())
		}
	}
	if err := topology.Mode("own").Validate(); err == nil {
		t.Error("the mode own is valid, want an error")
	}
}
