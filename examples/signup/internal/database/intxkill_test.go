package database_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/dedupe"
	"github.com/warren-mq/warren/examples/signup/internal/database"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// The environment of the test binary as a worker of its own, to be killed.
const envInboxURL, envInboxQueue, envInboxDatabase = "INBOX_URL", "INBOX_QUEUE", "INBOX_DATABASE"

// payments returns a worker whose effects are the rows of eachInbox. It prints "first" or
// "duplicate" for each message, after its transaction has ended.
func payments(url, queue string, db *sql.DB) *worker.Worker {
	w := worker.New(worker.Config{Broker: broker.Config{URL: url}, Logger: slog.New(slog.DiscardHandler)})
	q := w.Queue(worker.Queue{Name: queue, Exchange: queue, Concurrency: 16})
	q.Handle("#", handler.Func(func(ctx context.Context, m *message.Message) error {
		first, err := dedupe.InTx(ctx, db, dedupe.Key(m), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "INSERT INTO effects (key) VALUES ($1)", m.ID)
			return err
		})
		if err != nil {
			return err
		}
		_, err = fmt.Println(map[bool]string{true: "first", false: "duplicate"}[first])
		return err
	}))
	return w
}

// inboxChild is the main function of such a worker.
func inboxChild() {
	db, err := database.Open(context.Background(), os.Getenv(envInboxDatabase), inboxSchema)
	if err == nil {
		err = payments(os.Getenv(envInboxURL), os.Getenv(envInboxQueue), db.DB).Run(context.Background())
	}
	fmt.Fprintln(os.Stderr, "the inbox's child:", err)
	os.Exit(1)
}

// inboxKill is one run: a queue, a database, and what the workers have printed.
type inboxKill struct {
	inbox
	url, queue, where string
	firsts, repeated  int
}

// TestEachEffectIsMadeOnceThoughTheWorkerIsKilled kills the worker by SIGKILL ten times. INBOX_MESSAGES
// is the number of messages; by default it is small.
func TestEachEffectIsMadeOnceThoughTheWorkerIsKilled(t *testing.T) {
	t.Parallel()
	rabbit.NeedsNetwork(t, "it kills processes")
	messages, kills := 300, 10
	if s := os.Getenv("INBOX_MESSAGES"); s != "" {
		var err error
		if messages, err = strconv.Atoi(s); err != nil || messages < 10*kills {
			t.Fatalf("INBOX_MESSAGES is %q, want a number from %d", s, 10*kills)
		}
	}
	eachInboxAt(t, func(in inbox, where string) {
		k := &inboxKill{inbox: in, url: rabbit.URL(in.t), queue: rabbit.Queue(in.t), where: where}
		k.declare()
		part := messages / (kills + 1)
		for i := range kills {
			k.publish(i*part, (i+1)*part)
			k.killAfter(1 + rand.IntN(part))
		}
		k.publish(kills*part, messages)
		k.run(func() bool {
			return k.count("SELECT count(*) FROM warren_dedupe WHERE done_at IS NOT NULL") >= messages
		})
		in.t.Logf("%d messages, %d kills: %d duplicates were delivered, %d effects were committed unprinted",
			messages, kills, k.repeated, messages-k.firsts)
		k.wantEachOnce(messages)
	})
}

func (k *inboxKill) declare() {
	k.t.Helper()
	if err := broker.Declare(k.t.Context(), broker.Config{URL: k.url}, payments(k.url, k.queue, k.DB).Topology()); err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(k.remove)
}

func (k *inboxKill) publish(from, to int) {
	k.t.Helper()
	pub := broker.NewPublisher(broker.Config{URL: k.url}, k.queue)
	var batch []broker.Item
	for id := from; id < to; id++ {
		batch = append(batch, broker.Item{Key: "pay", Body: id, Options: []broker.Option{broker.WithMessageID(strconv.Itoa(id))}})
	}
	if err := errors.Join(pub.PublishBatch(k.t.Context(), batch...), pub.Close()); err != nil {
		k.t.Fatal(err)
	}
}

// remove deletes what declare declared.
func (k *inboxKill) remove() {
	ch := rabbit.Channel(k.t, k.url)
	for _, q := range []string{k.queue, topology.DeadLetterQueue(k.queue), topology.ParkingQueue(k.queue), "warren.delay.for." + k.queue, topology.ExchangeParking(k.queue)} {
		if _, err := ch.QueueDelete(q, false, false, false); err != nil {
			k.t.Error(err)
		}
	}
	if err := ch.ExchangeDelete(k.queue, false, false); err != nil {
		k.t.Error(err)
	}
}

// killAfter runs a worker and kills it once it has handled n messages, with others in hand.
func (k *inboxKill) killAfter(n int) {
	k.t.Helper()
	k.run(func() bool { n--; return n <= 0 })
}

// run runs a worker until over returns true, which it asks after each line, and kills it. It reads
// all that the worker printed.
func (k *inboxKill) run(over func() bool) {
	k.t.Helper()
	cmd := exec.CommandContext(k.t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), envInboxURL+"="+k.url, envInboxQueue+"="+k.queue, envInboxDatabase+"="+k.where)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		k.t.Fatal(err)
	}
	late := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	killed := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if lines.Text() == "first" {
			k.firsts++
		} else {
			k.repeated++
		}
		if !killed && over() {
			killed = true
			_ = cmd.Process.Kill()
		}
	}
	late.Stop()
	if err := cmd.Wait(); !killed || err == nil || !strings.Contains(err.Error(), "signal: killed") {
		k.t.Fatalf("the worker ended with %v, want to see it killed within 2m", err)
	}
}

func (k *inboxKill) wantEachOnce(messages int) {
	k.t.Helper()
	total, different := k.count("SELECT count(*) FROM effects"), k.count("SELECT count(DISTINCT key) FROM effects")
	if total != messages || different != messages {
		k.t.Errorf("%d effects of %d messages, want one of each of %d", total, different, messages)
	}
}
