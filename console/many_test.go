package console_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// fill publishes n dead letters of ten kinds.
func (b *bench) fill(n int) {
	b.t.Helper()
	if err := b.channel.Confirm(false); err != nil {
		b.t.Fatal(err)
	}
	var last *amqp.DeferredConfirmation
	body := make([]byte, 200)
	for i := range body {
		body[i] = 'x'
	}
	for i := range n {
		confirm, err := b.channel.PublishWithDeferredConfirm("", b.dlq, true, false, amqp.Publishing{
			MessageId: fmt.Sprintf("letter-%06d", i), DeliveryMode: amqp.Persistent, Body: body, Headers: amqp.Table{
				"warren-queue": b.queue, "warren-reason": "permanent", "warren-error": fmt.Sprintf("failure of kind %d", i%10),
				"warren-fingerprint": fmt.Sprintf("%016d", i%10), "warren-last-failed-at": time.Now().UTC().Format(time.RFC3339),
			},
		})
		if err != nil {
			b.t.Fatal(err)
		}
		if last = confirm; i%1000 == 999 || i == n-1 {
			if acked, err := last.WaitContext(b.t.Context()); err != nil || !acked {
				b.t.Fatalf("not confirmed: %v, %v", acked, err)
			}
		}
	}
}

func TestAPageReadsABoundedPartOfManyDeadLetters(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.declare()
	b.fill(6000)
	b.state("the broker has counted them", func(s queueState) bool { return s.Dead == 6000 })
	first := b.letters("/letters")
	if first.Read != 2000 || first.All || len(first.Letters) != 50 || first.Letters[0].ID != "letter-000000" {
		t.Errorf("the first page: %d of %d read, %+v", len(first.Letters), first.Read, first.Letters)
	}
	if again := b.letters("/letters?page=40&fresh=1"); again.Letters[49].ID != "letter-001999" {
		t.Errorf("after another read, the last dead letter is %s, want the order kept", again.Letters[49].ID)
	}
	if j := b.job(b.must("deadletters/"+b.queue+"/read", nil)); j.State != "done" || j.Done != 6000 {
		t.Errorf("the read in the background is %+v", j)
	}
	if deep := b.letters(""); deep.Read != 6000 || !deep.All || len(deep.Groups) != 10 || deep.Groups[0].Count != 600 {
		t.Errorf("after it, %d are read and %d groups are shown", deep.Read, len(deep.Groups))
	}
}

// BenchmarkManyDeadLetters measures the pages of 100,000 dead letters: each iteration reads the
// queue anew.
func BenchmarkManyDeadLetters(m *testing.B) {
	b := newBench(m, nil)
	b.declare()
	b.fill(100_000)
	b.state("the broker has counted them", func(s queueState) bool { return s.Dead == 100_000 })
	path := "deadletters/" + b.queue
	for name, page := range map[string]string{
		"groups": path + "?fresh=1", "list": path + "/letters?fresh=1", "again": path + "/letters?page=7", "queues": "deadletters",
		"letter": path + "/letter?id=letter-001500", "far": path + "/letter?id=letter-090000",
	} {
		m.Run(name, func(m *testing.B) {
			before := memory()
			for m.Loop() {
				b.page(page)
			}
			m.ReportMetric((float64(memory())-float64(before))/(1<<20), "MiB-kept")
		})
	}
	began := time.Now()
	b.job(b.must(path+"/read", nil))
	m.Logf("reading 50,000 in the background took %v", time.Since(began).Round(time.Millisecond))
}

func memory() uint64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}
