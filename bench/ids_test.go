package bench_test

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// copies is how many are published without ids, and then with.
const copies = 3000

// BenchmarkCopiesWithoutIDs compares copies of messages without a message id, as the
// worker makes them for the dead-letter queue, with copies that have one. It fails below
// 0.9: copies that look alike must not wait for each other.
func BenchmarkCopiesWithoutIDs(b *testing.B) {
	url, work := rabbit.URL(b), topology.WorkQueue{Name: rabbit.Queue(b), Keys: []string{"key"}}
	s := amqp.NewSender(amqp.Config{URL: url}, "bench", nil)
	ctx, stop := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	session, err := s.Connector().Session(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	if err := session.Declare(b.Context(), topology.Shared().Merge(work.Topology())); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		ch := rabbit.Channel(b, url)
		for _, q := range []string{work.Name, topology.DeadLetterQueue(work.Name), topology.ParkingQueue(work.Name)} {
			if _, err := ch.QueueDelete(q, false, false, false); err != nil {
				b.Error(err)
			}
		}
	})
	id := func(n int64) string { return strconv.FormatInt(n, 10) }
	none := func(int64) string { return "" }
	deadLetters(b, s, work.Name, id) // warms up
	for range b.N {
		var with, without []rate
		for pair := range 2 * pairs {
			if pair%2 == 0 { // each goes first as often as the other
				with = append(with, deadLetters(b, s, work.Name, id))
				without = append(without, deadLetters(b, s, work.Name, none))
			} else {
				without = append(without, deadLetters(b, s, work.Name, none))
				with = append(with, deadLetters(b, s, work.Name, id))
			}
		}
		ratios := make([]float64, len(with))
		for i := range with {
			ratios[i] = without[i].perSecond / with[i].perSecond
		}
		perSecond := func(r rate) float64 { return r.perSecond }
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(median(pick(with, perSecond)), "with-msg/s")
		b.ReportMetric(median(pick(without, perSecond)), "without-msg/s")
		ratio := median(ratios)
		b.ReportMetric(ratio, "ratio")
		if ratio < 0.9 {
			b.Errorf("copies without ids were published at %.2f of the rate of those with ids, want 0.9", ratio)
		}
	}
	stop()
	if err := <-done; err != nil {
		b.Error(err)
	}
}

// deadLetters publishes the copies from many goroutines.
func deadLetters(b *testing.B, s *amqp.Sender, queue string, id func(int64) string) rate {
	b.Helper()
	var n atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for range publishers {
		all.Go(func() {
			for i := n.Add(1); i <= copies; i = n.Add(1) {
				m := &message.Message{ID: id(i), Body: make([]byte, 1024), Headers: message.Headers{record.HeaderQueue: queue, record.HeaderReason: message.ReasonError}}
				if err := s.SendUntil(b.Context(), topology.DeadLetterExchange, queue, m); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	return rate{perSecond: copies / time.Since(began).Seconds()}
}
