package worker_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/worker"
)

// tally counts events by their kind.
type tally struct {
	mu    sync.Mutex
	count map[string]int
}

func (y *tally) add(e worker.Event) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.count == nil {
		y.count = make(map[string]int)
	}
	y.count[fmt.Sprintf("%T", e)]++
}

func TestWatchersAllSeeEveryEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, err := devbroker.Pipe(devbroker.Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		}()
		var first, second tally
		w := worker.New(worker.Config{
			Broker: broker.Config{URL: b.URL(), Dial: b.DialContext, Heartbeat: time.Hour},
			Logger: slog.New(slog.DiscardHandler),
		})
		q := w.Queue(worker.Queue{Name: "watched"})
		q.Handle("#", nothing)
		w.Watch(first.add)
		w.Watch(func(worker.Event) { panic("a watcher that fails is no end of the worker") })
		w.Watch(second.add)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx) }()
		<-w.Ready()
		if !panics(func() { w.Watch(second.add) }) {
			t.Error("Watch did not panic after Run had begun")
		}
		if !panics(func() { w.Queue(worker.Queue{Name: "late"}) }) {
			t.Error("Queue did not panic after Run had begun")
		}
		if !panics(func() { q.Handle("late", nothing) }) {
			t.Error("Handle did not panic after Run had begun")
		}
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run returned %v, want nil", err)
		}
		if first.count["worker.SessionUp"] != 2 || first.count["worker.Drained"] != 1 {
			t.Errorf("the first watcher has seen %v, want two sessions and the end", first.count)
		}
		if !maps.Equal(first.count, second.count) {
			t.Errorf("the second watcher has seen %v, want what the first has: %v", second.count, first.count)
		}
	})
}

func panics(f func()) (yes bool) {
	defer func() { yes = recover() != nil }()
	f()
	return false
}
