package topology_test

import (
	"testing"

	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// TestTheDeliveryLimitLeavesRoomForStops of a single active consumer, which the worker does not count.
func TestTheDeliveryLimitLeavesRoomForStops(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		queue  topology.WorkQueue
		want   any
		allows bool
	}{
		{"a queue with several consumers", topology.WorkQueue{}, 20, false},
		{"a single active consumer", topology.WorkQueue{SingleActive: true}, 1020, true},
		{"partitions", topology.WorkQueue{Partitions: 2, DeliveryLimit: 7}, 1007, true},
		{"the largest limit", topology.WorkQueue{SingleActive: true, DeliveryLimit: topology.NeverReached}, topology.NeverReached, true},
		{"an argument of the user", topology.WorkQueue{SingleActive: true, Arguments: message.Headers{"x-delivery-limit": 9}}, 9, false},
		{"native delays, whose retries the broker counts too", topology.WorkQueue{SingleActive: true, RetryPause: 1}, 20, false},
		{"a classic queue", topology.WorkQueue{SingleActive: true, Type: topology.Classic}, nil, false},
		{"arguments of the user alone", topology.WorkQueue{SingleActive: true, OnlyArguments: true}, nil, false},
	} {
		tt.queue.Name = "orders"
		if got := tt.queue.Own().Queues[0].Arguments["x-delivery-limit"]; got != tt.want || tt.queue.AllowsStops() != tt.allows {
			t.Errorf("%s: x-delivery-limit is %v, and stops are allowed: %v; want %v and %v", tt.name, got, tt.queue.AllowsStops(), tt.want, tt.allows)
		}
	}
}

func TestEachSingleActiveConsumerHasARecordOfStops(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		queue topology.WorkQueue
		want  []string
	}{
		{"none", topology.WorkQueue{}, nil},
		{"one", topology.WorkQueue{SingleActive: true}, []string{"orders.stops"}},
		{"the queue and its partitions", topology.WorkQueue{Partitions: 2}, []string{"orders.stops", "orders.partition.0.stops", "orders.partition.1.stops"}},
		{"none for a queue of one process", topology.WorkQueue{SingleActive: true, Instance: "x"}, nil},
	} {
		tt.queue.Name = "orders"
		got := tt.queue.Stops().Queues
		if len(got) != len(tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
			continue
		}
		for i, q := range got {
			if q.Name != tt.want[i] || q.Arguments["x-max-length"] != 1 {
				t.Errorf("%s: got %v, want %s, which keeps one message", tt.name, q, tt.want[i])
			}
		}
	}
}
