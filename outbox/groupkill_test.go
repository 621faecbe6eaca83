package outbox_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/warren-mq/warren/dedupe"
	"github.com/warren-mq/warren/outbox"
)

const groupMembers = 150

// endMembers is a worker that handles every member of a group again and again, as if its messages were
// delivered again after each kill. It reads a byte for each member, as long as there is input, so that
// it does not end before it is killed, and prints a line for each commit.
func (s *store) endMembers() error {
	group := outbox.Group{Dialect: s.dialect, ID: "killed"}
	for _, n := range rand.Perm(groupMembers) {
		if _, err := os.Stdin.Read(make([]byte, 1)); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if err := s.endMember(context.Background(), group, strconv.Itoa(n)); err != nil {
			return err
		}
		fmt.Println(n)
	}
	status, err := group.Status(context.Background(), s.DB)
	if err == nil && !status.Closed {
		err = fmt.Errorf("the group is open after its last member: %+v", status)
	}
	return err
}

// endMember handles a member: a row of its own, its mark and its end are committed together.
func (s *store) endMember(ctx context.Context, group outbox.Group, member string) error {
	_, err := dedupe.InTx(ctx, s.DB, member, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO effects (member) VALUES ($1)", member); err != nil {
			return err
		}
		_, err := group.Done(ctx, tx, member)
		return err
	})
	return err
}

// TestAGroupCallsBackOnceThoughItsWorkersAreKilled kills two workers by SIGKILL again and again, and
// then lets others end.
func TestAGroupCallsBackOnceThoughItsWorkersAreKilled(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *store) {
		for _, statement := range []string{dedupe.SQLSchema, "CREATE TABLE effects (member TEXT NOT NULL)"} {
			if _, err := s.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		g := grouped{s, t, outbox.Group{Dialect: s.dialect, ID: "killed"}}
		g.opens(groupMembers, true)
		const kills = 5
		for range kills {
			part := 1 + rand.IntN(groupMembers/kills)
			one, other := s.startMembers(t, part), s.startMembers(t, part)
			one.killAfter(part)
			other.killAfter(1)
		}
		atKills, err := g.group.Status(t.Context(), s.DB)
		check(t, err)
		one, other := s.startMembers(t, 0), s.startMembers(t, 0)
		one.ends()
		other.ends()
		t.Logf("%d members, %d of them done at the last of %d kills", groupMembers, atKills.Done, 2*kills)
		g.wantStatus(groupMembers, groupMembers, 0, true)
		g.wantCallbacks(1)
		if n, of := s.count(t, "SELECT count(*) FROM effects"), s.count(t, "SELECT count(DISTINCT member) FROM effects"); n != groupMembers || of != groupMembers {
			t.Errorf("%d effects of %d members, want %d of each", n, of, groupMembers)
		}
	})
}

// memberWorker is a process that runs endMembers.
type memberWorker struct {
	t     *testing.T
	lines *bufio.Scanner
	out   io.Reader
	kill  func() error
	wait  func() error
}

// startMembers starts a worker that can handle n members, and 5 more so that it is killed at work. If n
// is 0, the worker handles all members.
func (s *store) startMembers(t *testing.T, n int) memberWorker {
	t.Helper()
	cmd := s.child(t, roleMembers, "", "")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if n > 0 {
		stdin, err := cmd.StdinPipe()
		check(t, err)
		_, err = stdin.Write(make([]byte, n+5)) // a pipe holds it until the worker reads
		check(t, err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return memberWorker{t, bufio.NewScanner(out), out, cmd.Process.Kill, cmd.Wait}
}

// killAfter kills the worker once it has handled n members.
func (w memberWorker) killAfter(n int) {
	w.t.Helper()
	late := time.AfterFunc(patience, func() { _ = w.kill() })
	defer late.Stop()
	for range n {
		w.lines.Scan()
	}
	check(w.t, w.kill())
	if err := w.wait(); !killed(err) {
		w.t.Errorf("a worker ended with %v, want to see it killed", err)
	}
}

// ends returns when the worker has ended by itself.
func (w memberWorker) ends() {
	w.t.Helper()
	_, err := io.Copy(io.Discard, w.out)
	check(w.t, errors.Join(err, w.wait()))
}
