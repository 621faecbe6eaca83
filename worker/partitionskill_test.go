package worker_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/worker"
)

// journalVariable names the file to which all processes append what they handle. The system keeps the
// order of the lines.
const journalVariable = "CHILD_JOURNAL"

const (
	shardCount = 8
	shardKeys  = 24
)

// partitioned is a process that consumes a queue with partitions. It prints the partitions that it
// has whenever they change.
func partitioned() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	journal, err := os.OpenFile(os.Getenv(journalVariable), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		panic(err)
	}
	w := worker.New(worker.Config{Broker: broker.Config{URL: os.Getenv("CHILD_URL")}, Logger: slog.New(slog.DiscardHandler)})
	q := w.Queue(worker.Queue{
		Name: os.Getenv("CHILD_QUEUE"), Exchange: os.Getenv("CHILD_EXCHANGE"), Concurrency: 2, Retry: quick, Partitions: shardCount,
		OrderBy: func(m *message.Message) string { return m.Headers.String("key") },
	})
	q.Handle("#", handler.Typed(func(ctx context.Context, n int) error {
		<-time.After(time.Millisecond) // so that there is always some in hand
		_, err := fmt.Fprintf(journal, "%s %d\n", message.FromContext(ctx).Headers.String("key"), n)
		return err
	}))
	go func() {
		for last := ""; ; <-time.After(20 * time.Millisecond) {
			if now := fmt.Sprint(q.Health().Partitions); now != last {
				last = now
				fmt.Println(strings.Trim(now, "[]"))
			}
		}
	}()
	if err := w.Run(ctx); err != nil {
		panic(err)
	}
}

// replica is such a process, with the partitions that it has printed last.
type replica struct {
	*process
	mu   sync.Mutex
	held []int
}

func startReplica(t *testing.T, b *bench) *replica {
	t.Helper()
	r := &replica{process: startProcess(t, "partitioned", b)}
	go func() {
		defer close(r.read)
		for lines := bufio.NewScanner(r.out); lines.Scan(); {
			var held []int
			for field := range strings.FieldsSeq(lines.Text()) {
				var n int
				_, _ = fmt.Sscan(field, &n)
				held = append(held, n)
			}
			r.mu.Lock()
			r.held = held
			r.mu.Unlock()
		}
	}()
	return r
}

func (r *replica) partitions() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held
}

// TestOrderPerKeyHoldsWhenProcessesAreKilled and when their number goes from 3 to 5 to 2. The
// partitions are shared evenly each time, and the journal has each message, in the order of its key.
func TestOrderPerKeyHoldsWhenProcessesAreKilled(t *testing.T) {
	rabbit.NeedsNetwork(t, "it kills processes")
	journal := filepath.Join(t.TempDir(), "journal")
	if err := os.WriteFile(journal, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(journalVariable, journal)
	b := newPartitioned(t, shardCount)
	var all []*replica
	even := func() {
		t.Helper()
		began := time.Now()
		var err error
		defer func() {
			t.Logf("%d processes share the partitions after %v", len(all), time.Since(began).Round(10*time.Millisecond))
		}()
		rabbit.Eventually(t, patience, func() bool {
			var held [][]int
			for _, r := range all {
				held = append(held, r.partitions())
			}
			err = shared(shardCount, held)
			return err == nil
		}, "the partitions are shared evenly")
	}
	scale := func(n int) {
		t.Helper()
		for len(all) < n {
			all = append(all, startReplica(t, b))
		}
		for len(all) > n {
			all[0].drain(t)
			all = all[1:]
		}
		even()
	}
	scale(3)
	stop, published := publishForever(t, b)
	scale(5)
	for range 3 {
		all[0].kill(t)
		all = append(all[1:], startReplica(t, b))
		even()
	}
	all[0].kill(t) // two leave in good order, and one does not
	all = all[1:]
	scale(2)
	close(stop)
	n := <-published
	rabbit.Eventually(t, patience, func() bool { handled, _ := readJournal(t, journal); return handled == n }, "all is handled")
	scale(1)
	all[0].drain(t)
	handled, again := readJournal(t, journal)
	t.Logf("%d messages of %d keys: %d handled in order, %d again", n, shardKeys, handled, again)
}

// publishForever publishes messages, each with the next number of its key, until stop is closed. Then
// it returns how many there are.
func publishForever(t *testing.T, b *bench) (stop chan struct{}, published <-chan int) {
	t.Helper()
	stop, total := make(chan struct{}), make(chan int, 1)
	go func() {
		n := 0
		defer func() { total <- n }()
		for !isClosed(stop) {
			var items []broker.Item
			for range shardKeys {
				items = append(items, broker.Item{Key: "job", Body: n / shardKeys, Options: []broker.Option{broker.WithHeader("key", strconv.Itoa(n%shardKeys))}})
				n++
			}
			if err := b.pub.PublishBatch(t.Context(), items...); err != nil {
				t.Error(err)
				return
			}
			<-time.After(50 * time.Millisecond)
		}
	}()
	return stop, total
}

// readJournal returns how many messages were handled, in the order of their key, and how many of them
// again. A message that is handled again after a kill may come late.
func readJournal(t *testing.T, journal string) (handled, again int) {
	t.Helper()
	text, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	next := make(map[string]int)
	for line := range strings.Lines(string(text)) {
		var key string
		var number int
		if _, err := fmt.Sscan(line, &key, &number); err != nil {
			t.Fatalf("the journal has the line %q", line)
		}
		switch {
		case number == next[key]:
			next[key]++
			handled++
		case number < next[key]:
			again++
		default:
			t.Fatalf("key %s: message %d was handled before message %d", key, number, next[key])
		}
	}
	return handled, again
}
