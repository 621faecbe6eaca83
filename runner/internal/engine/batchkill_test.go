package engine_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/engine"
)

// children are the programs that the test binary runs as, by the variable CHILD.
var children = map[string]func() error{"runner": childRunner, "rows": storeRows}

// childRunner runs the configuration in the file CHILD_CONFIG.
func childRunner() error {
	data, err := os.ReadFile(os.Getenv("CHILD_CONFIG"))
	if err != nil {
		return err
	}
	c, err := config.Load(config.Source{Name: "config.yaml", Data: data})
	if err != nil {
		return err
	}
	e, err := engine.New(engine.Options{Config: c, Logger: slog.New(slog.DiscardHandler), Level: new(slog.LevelVar)})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return e.Run(ctx)
}

// Rows fail in one of three ways, which isNamed, isFailing and isDeadly report.
func isNamed(n int) bool   { return n%50 == 7 }   // the answer names the row
func isFailing(n int) bool { return n%100 == 8 }  // the answer is an error
func isDeadly(n int) bool  { return n%200 == 33 } // the process kills itself
func isBadRow(n int) bool  { return isNamed(n) || isFailing(n) || isDeadly(n) }

// storeRows is a persistent program that appends the rows of a batch to the file CHILD_ROWS at once. If it
// can remove the file CHILD_KILL, it kills itself between the effect and the answer.
func storeRows() error {
	rows, err := os.OpenFile(os.Getenv("CHILD_ROWS"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	for in := bufio.NewReader(os.Stdin); ; {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return nil //nolint:nilerr // stdin is closed
		}
		answer, stored, err := handleRows(line)
		if err == nil {
			_, err = rows.WriteString(stored)
		}
		if err != nil {
			return err
		}
		if os.Remove(os.Getenv("CHILD_KILL")) == nil {
			return syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		fmt.Println(answer)
	}
}

// handleRows returns the answer about the batch of a line, and what is to be stored.
func handleRows(line []byte) (answer, stored string, err error) {
	var r struct {
		ID       uint64 `json:"id"`
		Messages []struct {
			Item int    `json:"item"`
			Body string `json:"body"`
		} `json:"messages"`
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return "", "", err
	}
	var failed []string
	var good strings.Builder
	failing := false
	for _, m := range r.Messages {
		n, err := strconv.Atoi(m.Body)
		switch {
		case err != nil:
			return "", "", err
		case isDeadly(n):
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		case isFailing(n):
			failing = true
		case isNamed(n):
			failed = append(failed, fmt.Sprintf(`{"item":%d,"error":"row %d"}`, m.Item, n))
		default:
			fmt.Fprintln(&good, n)
		}
	}
	if failing {
		return fmt.Sprintf(`{"id":%d,"error":"a row fails"}`, r.ID), "", nil
	}
	return fmt.Sprintf(`{"id":%d,"failed":[%s]}`, r.ID, strings.Join(failed, ",")), good.String(), nil
}

const rowsYAML = `queues:
  - name: NAME
    concurrency: 2
    retry: {max_attempts: 4, initial_interval: 10ms, max_interval: 50ms}
    handlers:
      - key: "#"
        persistent:
          command: ["PROGRAM"]
          env: [CHILD=rows, "CHILD_ROWS=DIR/rows", "CHILD_KILL=DIR/kill"]
          backoff: {initial_interval: 10ms, max_interval: 50ms}
        batch: {size: 16, wait: 10ms}
`

// TestBatchesOfTheRunnerLoseNothingWhenProcessesAreKilled kills the process that handles batches again and
// again, and the runner three times, by SIGKILL. Each good row is stored, and each bad one is a dead letter
// after its own attempts.
func TestBatchesOfTheRunnerLoseNothingWhenProcessesAreKilled(t *testing.T) {
	t.Parallel()
	dir, kills, part := t.TempDir(), 3, max(rabbit.Scaled(300), 200)
	yaml, name := onRabbit(t, strings.NewReplacer("PROGRAM", os.Args[0], "DIR", dir).Replace(rowsYAML), "")
	file := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	pub := broker.NewPublisher(broker.Config{URL: rabbit.URL(t)}, "")
	t.Cleanup(func() {
		if err := pub.Close(); err != nil {
			t.Error(err)
		}
	})
	ch, k := rabbit.Channel(t, rabbit.URL(t)), &killer{file: filepath.Join(dir, "kill")}
	dead, good := make(map[string]int64), 0
	for i := range kills + 1 {
		child := startRunnerChild(t, file)
		publishRows(t, pub, name, i*part, part)
		for n := i * part; n < (i+1)*part; n++ {
			if !isBadRow(n) {
				good++
			}
		}
		wanted := good
		if i < kills {
			wanted -= part / 2
		}
		rabbit.Eventually(t, 2*time.Minute, func() bool {
			stored := len(storedRows(t, dir))
			k.kill(t, stored)
			if stored > 0 { // the dead-letter queue is ready
				takeDead(t, ch, name, dead)
			}
			return stored >= wanted && (i < kills || len(dead) >= part*(kills+1)-good)
		}, "the rows are stored")
		end := os.Kill
		if i == kills {
			end = syscall.SIGTERM
		}
		if err := child.Process.Signal(end); err != nil {
			t.Error(err)
		}
		if err := child.Wait(); i == kills && err != nil {
			t.Errorf("the runner ended with %v", err)
		}
	}
	checkRows(t, storedRows(t, dir), dead, part*(kills+1), good)
	if k.killed == 0 {
		t.Error("no process was killed")
	}
	t.Logf("%d kills of the runner and %d of processes: %d of %d good rows stored; %d of %d bad ones are dead letters",
		kills, k.killed, len(storedRows(t, dir)), good, len(dead), part*(kills+1)-good)
}

// checkRows wants each good row stored, and each bad one dead after four attempts.
func checkRows(t *testing.T, stored map[int]int, dead map[string]int64, rows, good int) {
	t.Helper()
	if len(stored) != good || len(dead) != rows-good {
		t.Errorf("%d rows are stored and %d are dead letters, want %d and %d", len(stored), len(dead), good, rows-good)
	}
	for n := range stored {
		if isBadRow(n) {
			t.Errorf("row %d is stored", n)
		}
	}
	for id, attempt := range dead {
		if n, err := strconv.Atoi(id); err != nil || !isBadRow(n) || attempt != 4 {
			t.Errorf("row %s is a dead letter after attempt %d, want bad rows after attempt 4", id, attempt)
		}
	}
}

func startRunnerChild(t *testing.T, file string) *exec.Cmd {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), "CHILD=runner", "CHILD_CONFIG="+file)
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	return child
}

func publishRows(t *testing.T, pub *broker.Publisher, queue string, from, n int) {
	t.Helper()
	items := make([]broker.Item, n)
	for i := range items {
		items[i] = broker.Item{Key: queue, Body: from + i, Options: []broker.Option{broker.WithMessageID(strconv.Itoa(from + i))}}
	}
	rabbit.Eventually(t, time.Minute, func() bool { // until the runner has declared the queue
		return pub.Publish(t.Context(), queue, from, items[0].Options...) == nil
	}, "the first row is published")
	if err := pub.PublishBatch(t.Context(), items[1:]...); err != nil {
		t.Fatal(err)
	}
}

// killer has the processes that store rows kill themselves, each after some progress.
type killer struct {
	file   string
	stored int // at the last order
	killed int
}

// kill orders the next kill if 50 more rows are stored and the kill before has happened.
func (k *killer) kill(t *testing.T, stored int) {
	t.Helper()
	if _, err := os.Stat(k.file); err == nil || stored < k.stored+50 {
		return
	}
	if k.stored > 0 {
		k.killed++
	}
	if err := os.WriteFile(k.file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	k.stored = stored
}

// storedRows returns how often each row is stored.
func storedRows(t *testing.T, dir string) map[int]int {
	t.Helper()
	stored := make(map[int]int)
	text, err := os.ReadFile(filepath.Join(dir, "rows"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		n, err := strconv.Atoi(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		stored[n]++
	}
	return stored
}
