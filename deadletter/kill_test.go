package deadletter_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/deadletter"
	"github.com/warren-mq/warren/internal/amqp/inspect"
)

const (
	kills = 2
	// lettersVariable names the environment variable that sets the number of dead letters.
	deadLettersVariable = "WARREN_TEST_DEAD_LETTERS"
	// mostDoubles is the highest number of duplicates that one kill may cause: unconfirmed
	// messages, and acks that the broker never read.
	mostDoubles = 2 * 128
)

// TestReplayIsKilled sends SIGKILL to two processes, one after the other, while they
// replay dead letters and new ones arrive. A third process finishes the replay.
func TestReplayIsKilled(t *testing.T) {
	t.Parallel()
	n := 1000
	if text := os.Getenv(deadLettersVariable); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", deadLettersVariable, err)
		}
	}
	b := newBench(t)
	b.fail(n, broken, numbered)
	arrived, stop := b.newcomers()
	for i := range kills {
		b.replayInProcess(n, n*(i+1)/(kills+2))
		b.eventually("what it held is back", func() bool {
			there := int(arrived.Load()) + n
			return b.depth(b.queue.Name)+b.depth(b.dlq) >= there
		})
	}
	b.replayInProcess(n, -1)
	stop()
	b.balance(n, int(arrived.Load()))
}

// newcomers publishes dead letters until stop is called.
func (b *bench) newcomers() (arrived *atomic.Int64, stop func()) {
	ctx, cancel := context.WithCancel(b.t.Context())
	arrived = new(atomic.Int64)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for ; ctx.Err() == nil; <-tick.C {
			id := fmt.Sprint("new-", arrived.Load())
			if err := b.direct.Publish(b.t.Context(), b.dlq, "new", broker.WithMessageID(id)); err != nil {
				b.t.Error(err)
				return
			}
			arrived.Add(1)
		}
	}()
	return arrived, func() { cancel(); <-ended }
}

// replayInProcess runs a replay in a child process, and kills it once killAt dead letters
// are done. If killAt is negative, it does not kill the process.
func (b *bench) replayInProcess(n, killAt int) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"=replay", "CHILD_URL="+b.cfg.URL, "CHILD_QUEUE="+b.dlq)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	done, killed := 0, false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if done, err = strconv.Atoi(lines.Text()); err != nil {
			b.t.Error(err)
		}
		if killAt >= 0 && done >= killAt && !killed {
			killed = true
			if err := cmd.Process.Kill(); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); (err != nil) != killed || killed != (killAt >= 0) {
		b.t.Fatalf("the process ended with %v after %d of %d dead letters; killed: %v", err, done, n, killed)
	}
}

// balance counts every letter in the work queue and among the dead letters.
func (b *bench) balance(n, arrived int) {
	b.t.Helper()
	seen := make(map[string]int)
	for _, d := range b.drain(b.queue.Name) {
		seen[d.MessageId]++
	}
	replayed, left := len(seen), 0
	for _, l := range b.read() {
		seen[l.ID]++
		if strings.HasPrefix(l.ID, "letter-") {
			left++
		}
	}
	lost, doubles := 0, 0
	check := func(prefix string, count int) {
		for i := range count {
			times := seen[fmt.Sprint(prefix, i)]
			lost += max(1-times, 0)
			doubles += max(times-1, 0)
		}
	}
	check("letter-", n)
	check("new-", arrived)
	b.t.Logf("%d dead letters and %d newcomers, %d kills: %d replayed, %d of the dead letters left, %d lost, %d duplicates", n, arrived, kills, replayed, left, lost, doubles)
	if lost != 0 || left != 0 || doubles > kills*mostDoubles {
		b.t.Errorf("lost %d, left %d, %d duplicates; want none lost, none left, at most %d duplicates", lost, left, doubles, kills*mostDoubles)
	}
}

// child is the main function of the child process: it replays, and prints how many dead
// letters are done.
func child() {
	deadLetters := deadletter.New(broker.Config{URL: os.Getenv("CHILD_URL")})
	var done atomic.Int64
	replay := deadletter.Replay{Progress: func(r deadletter.Result) {
		if done.Swap(int64(r.Done)) != int64(r.Done) {
			fmt.Println(r.Done)
		}
	}}
	for began := time.Now(); ; {
		_, err := deadLetters.Replay(context.Background(), os.Getenv("CHILD_QUEUE"), replay)
		if errors.Is(err, inspect.ErrInspected) && time.Since(began) < patience {
			continue // the broker has not yet noticed that the process before is dead
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
}
