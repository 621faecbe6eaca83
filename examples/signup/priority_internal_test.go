package main

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/examples/signup/analytics"
	"github.com/warren-mq/warren/examples/signup/event"
	"github.com/warren-mq/warren/examples/signup/mailbox"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/worker"
)

const (
	routine = 200
	hands   = 2 // the concurrency of verification-email, and its prefetch
)

// slowServer keeps verification mails waiting until its gate is open, and notes in
// which order they came.
type slowServer struct {
	gate chan struct{}

	mu   sync.Mutex
	came []string // addresses
}

func (s *slowServer) send(ctx context.Context, m mailbox.Mail) error {
	if !strings.HasPrefix(m.ID, "verification/") {
		return nil
	}
	s.mu.Lock()
	s.came = append(s.came, m.To)
	s.mu.Unlock()
	select {
	case <-s.gate:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *slowServer) order() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.came...)
}

func TestAnUrgentVerificationOvertakesRoutineOnes(t *testing.T) {
	t.Parallel()
	o := testOptions(t)
	server := &slowServer{gate: make(chan struct{})}
	startWorker(t, o, server)
	pub := broker.NewPublisher(o.broker(), o.prefix+"events")
	t.Cleanup(func() {
		if err := pub.Close(); err != nil {
			t.Error(err)
		}
	})

	items := make([]broker.Item, routine)
	for i := range items {
		items[i] = broker.Item{Key: event.SignedUp, Body: event.User{ID: strconv.Itoa(i), Email: "routine@example.test"}}
	}
	if err := pub.PublishBatch(t.Context(), items...); err != nil {
		t.Fatal(err)
	}
	rabbit.Eventually(t, 30*time.Second, func() bool { return len(server.order()) == hands }, "all hands are busy")
	urgent := event.User{ID: "urgent", Email: "urgent@example.test"}
	if err := pub.Publish(t.Context(), event.VerificationRequested, urgent, broker.WithPriority(9)); err != nil {
		t.Fatal(err)
	}
	close(server.gate)

	rabbit.Eventually(t, 30*time.Second, func() bool { return len(server.order()) == routine+1 }, "every mail is sent")
	for before, to := range server.order() {
		if to == urgent.Email {
			t.Logf("%d of %d routine mails came before the urgent one", before, routine)
			if before > hands+hands {
				t.Errorf("%d mails came before the urgent one, want at most prefetch %d and concurrency %d", before, hands, hands)
			}
			return
		}
	}
	t.Error("the urgent mail never came")
}

// startWorker runs the three queues of the service on the server, until the test ends.
func startWorker(t *testing.T, o options, server *slowServer) {
	t.Helper()
	var counter analytics.Counter
	w := worker.New(worker.Config{Broker: o.broker(), Logger: slog.New(slog.DiscardHandler)})
	subscribe(w, o.prefix, server.send, counter.Count)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	rabbit.Eventually(t, 30*time.Second, func() bool { return w.Health().Ready }, "the worker is ready")
}
