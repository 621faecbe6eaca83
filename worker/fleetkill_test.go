package worker_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/fleet"
	fleetwire "github.com/warren-mq/warren/internal/amqp/fleet"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/worker"
)

// TestAKilledProcessIsShownAsMissing within 15 s.
func TestAKilledProcessIsShownAsMissing(t *testing.T) {
	rabbit.NeedsNetwork(t, "it kills processes")
	t.Parallel()
	b := newBench(t)
	o := b.operate(b.url)
	p := startChild(t, "announcer", b, &ledger{handled: make(map[string]int)})
	o.anything()
	p.kill(t)
	killed := time.Now()
	o.sees("the process is missing", func(s fleetwire.Seen, _ fleetwire.Queue) bool { return s.Missing })
	took := time.Since(killed)
	t.Logf("the process was missing after %v", took)
	if took > 15*time.Second {
		t.Errorf("the process was missing after %v, want 15 s at most", took)
	}
}

// announcer is a worker that announces itself and handles nothing.
func announcer() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	w := worker.New(worker.Config{
		Broker: broker.Config{URL: os.Getenv("CHILD_URL")}, Logger: slog.New(slog.DiscardHandler), Fleet: &fleet.Config{},
	})
	w.Queue(worker.Queue{Name: os.Getenv("CHILD_QUEUE"), Exchange: os.Getenv("CHILD_EXCHANGE")}).Handle("#", nothing)
	fmt.Fprintln(os.Stderr, "Run:", w.Run(ctx))
}
