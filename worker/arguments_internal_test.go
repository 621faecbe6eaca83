package worker

import (
	"testing"
	"time"

	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// TestALongTimeoutAsksForALongerConsumerTimeout, where the broker takes it.
func TestALongTimeoutAsksForALongerConsumerTimeout(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		queue   Queue
		version string
		want    any // milliseconds; nil: none
	}{
		"two hours, one at a time":            {Queue{Timeout: 2 * time.Hour, Prefetch: 1}, "4.3.6", int64(125 * 60_000)},
		"and another one that waits":          {Queue{Timeout: 2 * time.Hour}, "4.3.6", int64(245 * 60_000)},
		"one minute":                          {Queue{}, "4.3.6", nil},
		"no timeout":                          {Queue{Timeout: -1}, "4.3.6", nil},
		"a classic queue":                     {Queue{Timeout: 2 * time.Hour, Type: topology.Classic}, "4.3.6", nil},
		"a queue of others of unknown kind":   {Queue{Timeout: 2 * time.Hour, Topology: topology.Trust}, "4.3.6", nil},
		"a quorum queue of others":            {Queue{Timeout: 2 * time.Hour, Prefetch: 1, Topology: topology.Trust, Type: topology.Quorum}, "4.3.6", int64(125 * 60_000)},
		"a broker that does not follow it":    {Queue{Timeout: 2 * time.Hour}, "4.0.5", nil},
		"the user's own":                      {Queue{Timeout: 2 * time.Hour, ConsumerArguments: message.Headers{"x-consumer-timeout": 1}}, "4.3.6", 1},
		"an order by key, where all may wait": {Queue{Timeout: time.Hour, Concurrency: 2, OrderBy: func(*message.Message) string { return "" }}, "4.4.0", int64(245 * 60_000)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.queue.Name = "q"
			q := New(Config{}).Queue(tt.queue)
			if got := q.consumerArguments(tt.version, q.config.Concurrency)["x-consumer-timeout"]; got != tt.want {
				t.Errorf("x-consumer-timeout is %v, want %v", got, tt.want)
			}
		})
	}
}

// TestAStreamIsResumedAtTheFirstMessageThatIsNotSettled.
func TestAStreamIsResumedAtTheFirstMessageThatIsNotSettled(t *testing.T) {
	t.Parallel()
	q := New(Config{}).Queue(Queue{Name: "q", Type: topology.Stream, ConsumerArguments: message.Headers{"x-stream-offset": "first"}})
	want := func(offset any) {
		t.Helper()
		if got := q.consumerArguments("4.3.6", 1)["x-stream-offset"]; got != offset {
			t.Errorf("the consumer begins at %v, want %v", got, offset)
		}
	}
	want("first")
	received := func(offsets ...int64) {
		next := q.offsets.receiver()
		for _, offset := range offsets {
			next(message.Headers{"x-stream-offset": offset})
		}
	}
	received(5, 6, 7)
	want(int64(5))
	q.offsets.done(6)
	want(int64(5))
	q.offsets.done(5)
	want(int64(7))
	q.offsets.done(7)
	want(int64(8))
	received(8, 9)
	q.offsets.done(9)
	want(int64(8))
	received(100) // the stream has deleted 8, which a consumer has lost
	q.offsets.done(100)
	want(int64(101))
}

// TestAStreamThatHasReceivedNothingIsResumedWhereItBegan, less a minute for the clocks.
func TestAStreamThatHasReceivedNothingIsResumedWhereItBegan(t *testing.T) {
	t.Parallel()
	began := time.Now()
	for name, tt := range map[string]struct{ configured, want any }{
		"without an offset":          {nil, began.Add(-time.Minute)},
		"at the next message":        {"next", began.Add(-time.Minute)},
		"at the last message":        {"last", began.Add(-time.Minute)},
		"at the first message again": {"first", "first"},
		"at the same offset again":   {7, 7},
		"at the same interval again": {"1h", "1h"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := New(Config{}).Queue(Queue{Name: "q", Type: topology.Stream})
			if tt.configured != nil {
				q.config.ConsumerArguments = message.Headers{streamOffset: tt.configured}
			}
			if got := q.consumerArguments("4.3.6", 1)[streamOffset]; got != tt.configured {
				t.Errorf("the first consumer begins at %v, want %v", got, tt.configured)
			}
			q.offsets.begin(began)
			q.offsets.begin(began.Add(time.Hour))
			if got := q.consumerArguments("4.3.6", 1)[streamOffset]; got != tt.want {
				t.Errorf("the next consumer begins at %v, want %v", got, tt.want)
			}
		})
	}
}

// TestARetryThatWaitsLongIsRequeued, except in a stream, which would not deliver it again.
func TestARetryThatWaitsLongIsRequeued(t *testing.T) {
	t.Parallel()
	arrived := time.Now()
	soon, late := arrived.Add(time.Minute), arrived.Add(25*time.Minute)
	for name, tt := range map[string]struct {
		kind      string
		due, want time.Time
	}{
		"not before it is due":       {topology.Quorum, soon, soon},
		"after 19 minutes":           {topology.Quorum, late, arrived.Add(19 * time.Minute)},
		"in a stream when it is due": {topology.Stream, soon, soon},
		"in a stream however late":   {topology.Stream, late, late},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := New(Config{}).Queue(Queue{Name: "q", Type: tt.kind})
			if got := q.wake(arrived, tt.due); !got.Equal(tt.want) {
				t.Errorf("it waits until %v, want %v", got, tt.want)
			}
		})
	}
}
