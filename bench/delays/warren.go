package main

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

var errAgain = errors.New("fails once")

// warren retries with a worker.
type warren struct {
	node     *node
	prefetch int // zero means the worker's default
}

func (w *warren) start(ctx context.Context, queue string, each report) (stop func() error, err error) {
	h := handler.Func(func(_ context.Context, m *message.Message) error {
		failed, err := m.Headers.Time(record.HeaderLastFailedAt)
		if err != nil {
			return err
		}
		if d := each(m.Attempt, m.Body, failed); d > 0 {
			return retry.After(d, errAgain)
		}
		return nil
	})
	return runWorker(ctx, w.node.url, worker.Queue{Name: queue, Concurrency: goroutines, Prefetch: w.prefetch}, "#", h)
}

// native retries with a worker whose pauses the broker keeps. A message has no record of its
// failure then, so the times are kept here.
type native struct {
	warren
	delay time.Duration
}

func (n *native) start(ctx context.Context, queue string, each report) (stop func() error, err error) {
	var failures sync.Map // when a message failed, by its number
	h := handler.Func(func(_ context.Context, m *message.Message) error {
		i := binary.BigEndian.Uint64(m.Body)
		failed, _ := failures.LoadAndDelete(i)
		at, _ := failed.(time.Time)
		if each(m.Attempt, m.Body, at) > 0 {
			failures.Store(i, time.Now())
			return errAgain
		}
		return nil
	})
	q := worker.Queue{
		Name: queue, Concurrency: goroutines, Prefetch: n.prefetch,
		Delays: topology.Native, Retry: retry.Policy{InitialInterval: n.delay, Multiplier: 1},
	}
	return runWorker(ctx, n.node.url, q, "#", h)
}

// runWorker runs a worker with one queue, and returns when it consumes.
func runWorker(ctx context.Context, url string, q worker.Queue, key string, h handler.Handler) (stop func() error, err error) {
	w := newWorker(url)
	w.Queue(q).Handle(key, h)
	return start(ctx, w)
}

func newWorker(url string) *worker.Worker {
	return worker.New(worker.Config{Broker: broker.Config{URL: url}, Logger: slog.New(slog.DiscardHandler)})
}

// start runs a worker, and returns when it consumes or ctx is done.
func start(ctx context.Context, w *worker.Worker) (stop func() error, err error) {
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- w.Run(running) }()
	stop = func() error { cancel(); return <-done }
	select {
	case <-w.Ready():
		return stop, nil
	case err := <-done:
		cancel()
		return nil, err
	case <-ctx.Done():
		return nil, errors.Join(context.Cause(ctx), stop())
	}
}

func (w *warren) remove(queues ...string) error {
	all := make([]string, 0, 3*len(queues))
	for _, q := range queues {
		all = append(all, q, topology.DeadLetterQueue(q), topology.ParkingQueue(q))
	}
	return w.node.drop(all, nil)
}
