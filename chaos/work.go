package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/outbox"
	"github.com/warren-mq/warren/schedule"
	"github.com/warren-mq/warren/worker"
)

const (
	workerSetup = "CHAOS_WORKER" // makes this program a worker
	grace       = 10 * time.Second

	// What a worker prints: a line with one of these words, and reasons after the last.
	sayStarted = "started"
	sayUp      = "up"
	sayDown    = "down"
)

// setup configures a worker process.
type setup struct {
	Dir   string   `json:"dir"`   // of the ledger, the URLs and the outbox
	Modes []string `json:"modes"` // that it consumes
}

// work runs a worker until SIGTERM, or until its parent has ended.
func work(text string) error {
	var s setup
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends with the parent
		stop()
	}()
	l, err := openLedger(s.Dir)
	if err != nil {
		return err
	}
	logs, err := os.Create(filepath.Join(s.Dir, fmt.Sprint("log-", os.Getpid())))
	if err != nil {
		return err
	}
	c, err := brokerConfig(s.Dir)
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(logs, nil))
	w := worker.New(worker.Config{Broker: c, Grace: grace, Logger: logger})
	for _, m := range chosenModes(s.Modes) {
		w.Queue(m.queue).Handle(m.name, m.handler(l))
	}
	return runParts(ctx, s, c, logger, w)
}

// runParts runs the worker, and the relay and the scheduler if their modes are wanted.
func runParts(ctx context.Context, s setup, c broker.Config, logger *slog.Logger, w *worker.Worker) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	parts := []func(context.Context) error{w.Run, func(ctx context.Context) error { report(ctx, w); return nil }}
	if slices.Contains(s.Modes, "outbox") {
		db, err := openOutbox(s.Dir)
		if err != nil {
			return err
		}
		parts = append(parts, outbox.New(outbox.Config{DB: db, Dialect: outbox.SQLite, Broker: c, Lease: 5 * time.Second, Logger: logger}).Run)
	}
	if slices.Contains(s.Modes, "schedule") {
		parts = append(parts, schedule.New(schedule.Config{Name: exchange, Broker: c, Logger: logger, Entries: []schedule.Entry{{
			Name: "second", Cron: "* * * * * *", Exchange: exchange, Key: "schedule",
			Missed: schedule.All, MaxMissed: 1000,
		}}}).Run)
	}
	errs := make([]error, len(parts))
	var all sync.WaitGroup
	for i, run := range parts {
		all.Go(func() { defer cancel(); errs[i] = run(ctx) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// report prints when the worker has started, and each change of its health.
func report(ctx context.Context, w *worker.Worker) {
	select {
	case <-w.Ready():
		_, _ = fmt.Fprintln(os.Stdout, sayStarted) // without the parent the worker ends
	case <-ctx.Done():
		return
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for last := sayUp; ; {
		line := sayUp
		if h := w.Health(); !h.Ready {
			line = sayDown + " " + strings.ReplaceAll(strings.Join(h.Reasons, "; "), "\n", " ")
		}
		if line != last {
			_, _ = fmt.Fprintln(os.Stdout, line) // as above
			last = line
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
