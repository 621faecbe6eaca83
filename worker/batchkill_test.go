package worker_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

const batchSize = 16

// isBad reports whether rows with the row are refused: one in fifty, and two that are adjacent.
func isBad(n int) bool { return n%50 == 7 || n%100 == 8 }

// storeRows writes the numbers of the rows to stdout at once, as COPY stores rows, or none of them.
func storeRows(_ context.Context, rows []row) error {
	var out bytes.Buffer
	for _, one := range rows {
		if isBad(one.N) {
			return fmt.Errorf("row %d is bad", one.N)
		}
		fmt.Fprintln(&out, one.N)
	}
	_, err := os.Stdout.Write(out.Bytes())
	<-time.After(2 * time.Millisecond) // a kill comes between the effect and the acks
	return err
}

// batchStore runs a worker that stores rows in batches in a process of its own, until SIGTERM.
func batchStore() error {
	w := worker.New(worker.Config{Broker: broker.Config{URL: os.Getenv("CHILD_URL")}, Logger: slog.New(slog.DiscardHandler)})
	q := w.Queue(worker.Queue{Name: os.Getenv("CHILD_QUEUE"), Exchange: os.Getenv("CHILD_EXCHANGE"), Concurrency: 2, Retry: quick})
	q.HandleBatch("#", handler.Batch(storeRows), batchSize, 10*time.Millisecond)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return w.Run(ctx)
}

// TestBatchesLoseNothingWhenTheWorkerIsKilled kills the process by SIGKILL again and again while it
// stores rows in batches. Each good row is stored, and each bad one is dead-lettered alone after its
// own attempts.
func TestBatchesLoseNothingWhenTheWorkerIsKilled(t *testing.T) {
	rabbit.NeedsNetwork(t, "it kills processes")
	t.Parallel()
	part, kills := max(rabbit.Scaled(300), 200), max(rabbit.Scaled(4), 3)
	messages, good := part*(kills+1), 0
	b := newBench(t)
	l, dead := &ledger{handled: make(map[string]int)}, make(map[string]int)
	for i := range kills + 1 {
		p := startChild(t, "batches", b, l)
		b.eventually("the child consumes", func() bool { return consumers(b) == 1 })
		publishRows(t, b.pub, i*part, part)
		for n := i * part; n < (i+1)*part; n++ {
			good += btoi(!isBad(n))
		}
		if i < kills {
			b.eventually("half of it is stored", func() bool { return drained(l, good-part/2) })
			p.kill(t)
			b.eventually("the broker has seen its end", func() bool { return consumers(b) == 0 })
			continue
		}
		rabbit.Eventually(t, 2*time.Minute, func() bool {
			b.takeDeadRows(dead)
			return drained(l, good) && len(dead) >= messages-good && b.depth(b.queue.Name) == 0
		}, "every row is stored or a dead letter")
		p.drain(t)
	}
	stored, duplicates := l.count()
	t.Logf("%d kills: %d of %d good rows stored, %d twice; %d of %d bad ones are dead letters, each after %d attempts",
		kills, stored, good, duplicates, len(dead), messages-good, quick.MaxAttempts)
	boundDuplicates(t, l, kills*2*2*batchSize) // the prefetch times the kills
	for id := range l.handled {
		if n, err := strconv.Atoi(id); err != nil || isBad(n) || n >= messages {
			t.Errorf("row %s was stored", id)
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func publishRows(t *testing.T, pub *broker.Publisher, from, n int) {
	t.Helper()
	items := make([]broker.Item, n)
	for i := range items {
		items[i] = broker.Item{Key: "row", Body: row{from + i}, Options: []broker.Option{broker.WithMessageID(strconv.Itoa(from + i))}}
	}
	if err := pub.PublishBatch(t.Context(), items...); err != nil {
		t.Fatal(err)
	}
}

// takeDeadRows takes the dead letters, and counts them by their ids. Each must be a bad row after its
// last attempt.
func (b *bench) takeDeadRows(dead map[string]int) {
	b.t.Helper()
	for range b.depth(topology.DeadLetterQueue(b.queue.Name)) {
		d := b.deadLetter()
		dead[d.MessageId]++
		if n, err := strconv.Atoi(d.MessageId); err != nil || !isBad(n) || d.Headers["warren-attempt"] != int64(quick.MaxAttempts) {
			b.t.Errorf("row %s is a dead letter after attempt %v, want bad rows after attempt %d", d.MessageId, d.Headers["warren-attempt"], quick.MaxAttempts)
		}
	}
}
