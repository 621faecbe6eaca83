package outbox_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/outbox"
)

// What a child is told by its environment.
const (
	envURL, envKey, envDialect, envDSN = "OUTBOX_URL", "OUTBOX_KEY", "OUTBOX_DIALECT", "OUTBOX_DSN"

	roleCommits = "commits" // commits one message and is killed at once
	roleRelays  = "relays"  // relays until it is killed
	roleMembers = "members" // ends the members of a group
	roleHolds   = "holds"   // writes a unique message and is killed before the commit
)

// child is a service in a process of its own.
func child(role string) {
	s := &store{dialect: outbox.Dialect(os.Getenv(envDialect)), dsn: os.Getenv(envDSN)}
	db, err := open(s.dialect, s.dsn)
	if err == nil {
		s.DB = db
		err = map[string]func() error{
			roleCommits: s.commitAndDie, roleHolds: s.writeAndDie, roleRelays: s.relayUntilKilled, roleMembers: s.endMembers,
		}[role]()
	}
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "outbox's child:", err)
	os.Exit(1)
}

// die kills this process.
func die(*sql.Tx) error { return syscall.Kill(os.Getpid(), syscall.SIGKILL) }

// commitAndDie dies between the commit and the publish.
func (s *store) commitAndDie() error {
	err := s.commit(context.Background(), outbox.Message{Key: os.Getenv(envKey), ID: "committed", Body: 1})
	if err != nil {
		return err
	}
	return die(nil)
}

func (s *store) writeAndDie() error {
	_, err := s.writeUnique(context.Background(), unique("held"), die)
	return err
}

func (s *store) relayUntilKilled() error {
	return outbox.New(outbox.Config{
		DB: s.DB, Dialect: s.dialect, Broker: broker.Config{URL: os.Getenv(envURL)}, Lease: time.Second, Batch: 50,
		Poll: 50 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
		OnEvent: func(e outbox.Event) {
			if e, ok := e.(outbox.Published); ok {
				fmt.Println(e.ID)
			}
		},
	}).Run(context.Background())
}

func (s *store) child(t *testing.T, role, url, key string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+role, envURL+"="+url, envKey+"="+key,
		envDialect+"="+string(s.dialect), envDSN+"="+s.dsn)
	cmd.Stderr = os.Stderr
	return cmd
}

func killed(err error) bool { return err != nil && strings.Contains(err.Error(), "signal: killed") }

func TestAProcessKilledBetweenCommitAndPublishLosesNothing(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *store) {
		url := rabbit.URL(t)
		name, got := queue(t, url)
		if err := s.child(t, roleCommits, url, name).Run(); !killed(err) {
			t.Fatalf("the child ended with %v, want to see it killed", err)
		}
		s.relay(t, url).drained()
		got.await(t, 1)
		if got.ids()["committed"] != 1 {
			t.Errorf("%v came, want the committed message", got.ids())
		}
	})
}

// TestRelaysKilledInALoopLoseNothing kills two relays again and again, by SIGKILL, while
// messages are written.
func TestRelaysKilledInALoopLoseNothing(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *store) {
		url := rabbit.URL(t)
		name, got := queue(t, url)
		const each, kills = 50, 5
		var loops sync.WaitGroup
		for range 2 {
			loops.Go(func() {
				for range kills {
					s.killOnce(t, url, name)
				}
			})
		}
		s.writeMarks(t, name, each, func() {})
		loops.Wait()
		r := s.relay(t, url, func(c *outbox.Config) { c.Lease = time.Second })
		r.drained()
		got.await(t, aggregates*each)
		got.inOrder(t)
		byRelays := aggregates*each - len(seen[outbox.Published](r))
		t.Logf("%d messages, %d of them marked by relays that were killed; 0 lost, %d duplicates in %d kills",
			len(got.ids()), byRelays, got.duplicates(), 2*kills)
		if len(got.ids()) != aggregates*each || byRelays == 0 {
			t.Error("want every message, and some from the relays that were killed")
		}
	})
}

// killOnce starts a relay and kills it a moment after it has published some messages, or
// when there have been none for long.
func (s *store) killOnce(t *testing.T, url, key string) {
	cmd := s.child(t, roleRelays, url, key)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Error(err)
		return
	}
	bored := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
	lines := bufio.NewScanner(out)
	for range 1 + rand.IntN(40) {
		if !lines.Scan() {
			break
		}
	}
	if bored.Stop() {
		<-time.After(time.Duration(rand.IntN(50)) * time.Millisecond)
		check(t, cmd.Process.Kill())
	}
	if err := cmd.Wait(); !killed(err) {
		t.Errorf("a relay ended with %v, want to see it killed", err)
	}
}
