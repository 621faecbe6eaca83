package worker_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// kinds of work queue that faults are tried on.
func kinds() map[string]func(*worker.Queue) {
	return map[string]func(*worker.Queue){
		"quorum queue":           func(*worker.Queue) {},
		"classic priority queue": func(q *worker.Queue) { q.MaxPriority = 5 },
	}
}

// TestAtLeastOnceWhenTheWorkerIsKilled kills the worker's process by SIGKILL ten
// times while it works through 8,000 messages; on a broker in memory, three times.
func TestAtLeastOnceWhenTheWorkerIsKilled(t *testing.T) {
	rabbit.NeedsNetwork(t, "it kills processes")
	t.Parallel()
	for name, change := range kinds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			killTheWorker(t, change, rabbit.Scaled(800), max(rabbit.Scaled(10), 3))
		})
	}
}

func killTheWorker(t *testing.T, change func(*worker.Queue), part, kills int) {
	messages := part * kills
	b := newBench(t)
	change(&b.queue)
	l := &ledger{handled: make(map[string]int)}
	for i := range kills + 1 {
		p := startChild(t, "ledger", b, l)
		if i < kills {
			b.eventually("the child consumes", func() bool { return consumers(b) == 1 })
			publishNumbered(t, b.pub, i*part, part)
			b.eventually("half of it is handled", func() bool { return drained(l, i*part+part/2) })
			p.kill(t)
			b.eventually("the broker has seen its end", func() bool { return consumers(b) == 0 })
			continue
		}
		rabbit.Eventually(t, 2*time.Minute, func() bool { return drained(l, messages) && b.depth(b.queue.Name) == 0 }, "every message is handled")
		b.eventually("the last child consumes", func() bool { return consumers(b) == 1 }) // and heeds signals
		p.drain(t)                                                                        // the last acks may not have been told yet
	}
	b.eventually("nothing is in hand", func() bool { return consumers(b) == 0 })
	balance(t, b, l, messages, fmt.Sprintf("%d kills of the worker", kills))
	boundDuplicates(t, l, kills*2*16)
}

// balance checks the ledger against what was published.
func balance(t *testing.T, b *bench, l *ledger, messages int, what string) {
	t.Helper()
	handled, duplicates := l.count()
	left, dead := b.depth(b.queue.Name), b.depth(topology.DeadLetterQueue(b.queue.Name))
	t.Logf("%d confirmed, %s: %d handled, %d lost, %d duplicates, %d left, %d dead letters",
		messages, what, handled, messages-handled-dead-left, duplicates, left, dead)
	if handled != messages || left != 0 || dead != 0 {
		t.Errorf("%d of %d messages handled, %d left, %d dead letters", handled, messages, left, dead)
	}
}

// boundDuplicates knows that a loss makes the broker deliver again what was
// prefetched, and no more; anything beyond that is a channel closed for a wrong ack.
func boundDuplicates(t *testing.T, l *ledger, most int) {
	t.Helper()
	if _, duplicates := l.count(); duplicates > most {
		t.Errorf("%d duplicates, want at most %d: the prefetch times the losses", duplicates, most)
	}
}

// consumers asks the broker for the queue's consumers; -1 while it does not exist.
func consumers(b *bench) int {
	b.t.Helper()
	ch, err := b.conn.Channel() // its own: to ask for what does not exist costs the channel
	if err != nil {
		b.t.Fatal(err)
	}
	q, err := ch.QueueDeclarePassive(b.queue.Name, true, false, false, false, nil)
	if err != nil {
		return -1
	}
	if err := ch.Close(); err != nil {
		b.t.Fatal(err)
	}
	return q.Consumers
}

// process is a worker in a process of its own.
type process struct {
	cmd  *exec.Cmd
	out  io.Reader
	read chan struct{} // closed when all it wrote has been read
}

// startProcess runs this test binary as a worker on b's queue.
func startProcess(t *testing.T, kind string, b *bench) *process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+kind, "CHILD_URL="+b.url, "CHILD_QUEUE="+b.queue.Name,
		"CHILD_EXCHANGE="+b.exchange, "CHILD_PRIORITY="+strconv.Itoa(b.queue.MaxPriority), "CHILD_LIMIT="+strconv.Itoa(b.queue.DeliveryLimit))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return &process{cmd: cmd, out: out, read: make(chan struct{})}
}

// startChild also enters into l what the process writes: the id of each message it
// has handled, written before it returns from the handler.
func startChild(t *testing.T, kind string, b *bench, l *ledger) *process {
	t.Helper()
	p := startProcess(t, kind, b)
	go func() {
		defer close(p.read)
		for lines := bufio.NewScanner(p.out); lines.Scan(); {
			l.mu.Lock()
			l.handled[lines.Text()]++
			l.mu.Unlock()
		}
	}()
	return p
}

// kill ends the process by SIGKILL, if it has not ended by itself.
func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	<-p.read
	if err := p.cmd.Wait(); err == nil {
		t.Error("the child ended by itself")
	}
}

// drain has the process end in good order.
func (p *process) drain(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-p.read
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the child ended with %v", err)
	}
}

// child is the main function of such a process.
func child(kind string) {
	if kind == "stubborn" || kind == "idle" {
		stubborn()
		return
	}
	if run := map[string]func() error{"chain": chainLinks, "batches": batchStore, "service": serve}[kind]; run != nil {
		if err := run(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if kind == "partitioned" {
		partitioned()
		return
	}
	if kind == "rows" {
		rows()
		return
	}
	if kind == "announcer" {
		announcer()
		return
	}
	if held, ok := strings.CutPrefix(kind, "holder "); ok {
		holder(held)
		return
	}
	priority, _ := strconv.Atoi(os.Getenv("CHILD_PRIORITY"))
	limit, _ := strconv.Atoi(os.Getenv("CHILD_LIMIT"))
	w := worker.New(worker.Config{Broker: broker.Config{URL: os.Getenv("CHILD_URL")}, Logger: slog.New(slog.DiscardHandler)})
	q := w.Queue(worker.Queue{
		Name: os.Getenv("CHILD_QUEUE"), Exchange: os.Getenv("CHILD_EXCHANGE"),
		Concurrency: 16, MaxPriority: priority, DeliveryLimit: limit, Retry: quick,
	})
	q.Handle("#", handler.Func(func(_ context.Context, m *message.Message) error {
		switch {
		case kind == "suicide":
			os.Exit(9)
		case kind == "poisoned" && m.ID == "poison":
			<-time.After(100 * time.Millisecond) // its neighbours have come meanwhile
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		case kind == "poisoned":
			<-time.After(300 * time.Millisecond)
		}
		_, err := fmt.Println(m.ID)
		return err
	}))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	err := w.Run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// TestAtLeastOnceWhenTheBrokerIsKilled kills the node by SIGKILL three times while
// 8,000 messages flow.
func TestAtLeastOnceWhenTheBrokerIsKilled(t *testing.T) {
	t.Parallel()
	rabbit.NeedsDisk(t)
	for name, change := range kinds() {
		runWithNode(t, name, func(t *testing.T, node rabbit.Node) { killTheBroker(t, node, change, 8_000, 3) })
	}
}

func killTheBroker(t *testing.T, node rabbit.Node, change func(*worker.Queue), messages, kills int) {
	b := newBenchAt(t, node.URL())
	change(&b.queue)
	b.queue.Concurrency = 16
	l := &ledger{handled: make(map[string]int)}
	b.forgetful = true
	r := b.run(handler.Func(l.Handle), func(c *worker.Config) {
		c.Broker.Backoff.MaxInterval = 500 * time.Millisecond
	})
	node.Settle(t) // a queue that is younger than its node's last write would be forgotten
	part := messages / (kills + 1)
	for i := range kills {
		publishAgain(t, b.pub, i*part, part)
		b.eventually("half of it is handled", func() bool { return drained(l, i*part+part/2) })
		node.Kill(t)
		node.Restart(t)
	}
	publishAgain(t, b.pub, kills*part, messages-kills*part)
	b.channel = rabbit.Channel(t, node.URL())
	rabbit.Eventually(t, 2*time.Minute, func() bool { return drained(l, messages) && b.depth(b.queue.Name) == 0 }, "every message is handled")
	if err := r.finish(); err != nil {
		t.Errorf("Run returned %v, want nil", err)
	}
	balance(t, b, l, messages, fmt.Sprintf("%d kills of the broker", kills))
}

// publishAgain publishes like publishNumbered, and again what was not confirmed.
func publishAgain(t *testing.T, pub *broker.Publisher, from, n int) {
	t.Helper()
	todo := numbered(from, n)
	for began := time.Now(); len(todo) > 0; {
		err := pub.PublishBatch(t.Context(), todo...)
		if err == nil {
			return
		}
		batch, ok := errors.AsType[*broker.BatchError](err)
		if !ok {
			t.Fatal(err)
		}
		if time.Since(began) > 2*time.Minute {
			t.Fatal(err)
		}
		var failed []broker.Item
		for i := range todo {
			if batch.Failed[i] != nil {
				failed = append(failed, todo[i])
			}
		}
		todo = failed
	}
}

// TestAPoisonMessageTakesNoNeighboursWithIt: it kills its process each time, with all the
// messages that were prefetched together with it in hand.
func TestAPoisonMessageTakesNoNeighboursWithIt(t *testing.T) {
	rabbit.NeedsNetwork(t, "its processes die")
	t.Parallel()
	const neighbours, limit = 15, 4
	b := newBench(t)
	b.queue.DeliveryLimit = limit
	r := b.run(handler.Func(func(context.Context, *message.Message) error { return nil }))
	if err := r.finish(); err != nil { // it has declared the queue
		t.Fatal(err)
	}
	for i := range neighbours + 1 {
		id := strconv.Itoa(i)
		if i == neighbours/2 {
			id = "poison"
		}
		b.publish("key", 1, broker.WithMessageID(id))
	}
	l := &ledger{handled: make(map[string]int)}
	deaths := 0
	for dead := 0; dead == 0; {
		p := startChild(t, "poisoned", b, l)
		b.eventually("the child dies, or a message is dead", func() bool {
			dead = b.depth(topology.DeadLetterQueue(b.queue.Name))
			select {
			case <-p.read:
				return true
			default:
				return dead > 0 && drained(l, neighbours+1-dead)
			}
		})
		p.kill(t)
		b.eventually("the broker has seen its end", func() bool { return consumers(b) == 0 })
		if deaths++; deaths > 3*limit {
			t.Fatal("the poison message lives for ever")
		}
	}
	last := startChild(t, "poisoned", b, l)
	b.eventually("the rest is handled", func() bool {
		return drained(l, neighbours+1-b.depth(topology.DeadLetterQueue(b.queue.Name))) && b.depth(b.queue.Name) == 0
	})
	b.eventually("the last child consumes", func() bool { return consumers(b) > 0 })
	last.drain(t)
	dead := b.depth(topology.DeadLetterQueue(b.queue.Name))
	t.Logf("%d of %d messages are dead letters after %d deaths", dead, neighbours+1, deaths)
	if id := b.deadLetter().MessageId; dead != 1 || id != "poison" {
		t.Errorf("%d dead letters, the first is %q; want the poison message alone", dead, id)
	}
}
