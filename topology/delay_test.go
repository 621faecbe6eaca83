package topology_test

import (
	"testing"
	"time"

	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

func TestLevelIsTheLongestThatFits(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		d     time.Duration
		level time.Duration
		queue string
	}{
		{"nothing takes the shortest", 0, time.Second, "warren.delay.1s"},
		{"a little less than a power takes the one below", 64*time.Second - 1, 32 * time.Second, "warren.delay.32s"},
		{"a power takes its own", 64 * time.Second, 64 * time.Second, "warren.delay.64s"},
		{"three hours take 8192 s", 3 * time.Hour, 8192 * time.Second, "warren.delay.8192s"},
		{"a hundred years take the longest", 876_000 * time.Hour, topology.LongestLevel, "warren.delay.4194304s"},
		{"the longest duration takes the longest", 1<<63 - 1, topology.LongestLevel, "warren.delay.4194304s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := topology.Level(tt.d); got != tt.level || topology.LevelName(got) != tt.queue {
				t.Errorf("Level(%v) is %v, %s; want %v, %s", tt.d, got, topology.LevelName(got), tt.level, tt.queue)
			}
		})
	}
}

// TestTheLongestLevelFitsRabbitMQ, whose time to live is less than 2^32 ms.
func TestTheLongestLevelFitsRabbitMQ(t *testing.T) {
	t.Parallel()
	if ms := topology.LongestLevel.Milliseconds(); ms >= 1<<32 {
		t.Errorf("the longest level is %d ms, want less than %d", ms, int64(1)<<32)
	}
}

// TestAWorkQueueHasItsParkingQueues: one of its own and one of its exchange, each bound to
// the exchange through which the levels hand messages back.
func TestAWorkQueueHasItsParkingQueues(t *testing.T) {
	t.Parallel()
	got := topology.WorkQueue{Name: "email", Exchange: "events"}.Topology()
	for _, name := range []string{"email.delay", "warren.delayed.events"} {
		args := arguments(got, name)
		if args["x-queue-type"] != "quorum" || args["x-single-active-consumer"] != true || args["x-delivery-limit"] != topology.NeverReached {
			t.Errorf("%s has the arguments %v, want a quorum queue with a single active consumer and no delivery limit", name, args)
		}
		if _, ok := args["x-message-ttl"]; ok || args == nil {
			t.Errorf("%s has the arguments %v, want no time to live", name, args)
		}
		if args["x-consumer-disconnected-timeout"] != topology.DisconnectedTimeout {
			t.Errorf("%s has the arguments %v, want the next consumer soon after the node of the active one has died", name, args)
		}
		if !bound(got, topology.DueExchange, name) {
			t.Errorf("%s is not bound to %s", name, topology.DueExchange)
		}
	}
}

func arguments(t topology.Topology, queue string) message.Headers {
	for _, q := range t.Queues {
		if q.Name == queue {
			return q.Arguments
		}
	}
	return nil
}

func bound(t topology.Topology, exchange, queue string) bool {
	for _, b := range t.Bindings {
		if b.Exchange == exchange && b.Key == queue && b.Queue == queue {
			return true
		}
	}
	return false
}
