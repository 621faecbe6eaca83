package outbox_test

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/outbox"
)

// grouped is a store with one group.
type grouped struct {
	*store
	t     *testing.T
	group outbox.Group
}

// onEachGroup runs f with a group of three on a database of each kind.
func onEachGroup(t *testing.T, f func(g grouped)) {
	t.Helper()
	onEach(t, func(t *testing.T, s *store) {
		g := grouped{s, t, outbox.Group{Dialect: s.dialect, ID: "album"}}
		g.opens(3, true)
		f(g)
	})
}

var callback = outbox.Message{Key: "album.ready", ID: "callback", Aggregate: "album", Body: "album"} //nolint:gochecknoglobals // constant

// inTx calls f in a transaction, which is committed if f returns no error.
func (s *store) inTx(ctx context.Context, f func(*sql.Tx) (bool, error)) (bool, error) {
	tx, err := s.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	is, err := f(tx)
	if err != nil {
		_ = tx.Rollback()
		return is, err
	}
	return is, tx.Commit()
}

func (g grouped) does(what string, want bool, f func(*sql.Tx) (bool, error)) {
	g.t.Helper()
	if got, err := g.inTx(g.t.Context(), f); got != want || err != nil {
		g.t.Errorf("%s returned %v, %v; want %v", what, got, err, want)
	}
}

func (g grouped) opens(size int, want bool) {
	g.t.Helper()
	g.does("Open", want, func(tx *sql.Tx) (bool, error) { return g.group.Open(g.t.Context(), tx, size, callback) })
}

func (g grouped) done(member string, last bool) {
	g.t.Helper()
	g.does("Done "+member, last, func(tx *sql.Tx) (bool, error) { return g.group.Done(g.t.Context(), tx, member) })
}

func (g grouped) fail(member string, last bool) {
	g.t.Helper()
	g.does("Fail "+member, last, func(tx *sql.Tx) (bool, error) { return g.group.Fail(g.t.Context(), tx, member) })
}

func (g grouped) closes(want bool) {
	g.t.Helper()
	g.does("Close", want, func(tx *sql.Tx) (bool, error) { return g.group.Close(g.t.Context(), tx) })
}

func (g grouped) wantStatus(size, done, failed int, closed bool) {
	g.t.Helper()
	want := outbox.GroupStatus{ID: g.group.ID, Size: size, Done: done, Failed: failed, Closed: closed}
	if got, err := g.group.Status(g.t.Context(), g.DB); got != want || err != nil {
		g.t.Errorf("Status returned %+v, %v; want %+v", got, err, want)
	}
}

func (g grouped) wantCallbacks(want int) {
	g.t.Helper()
	if n := g.count(g.t, "SELECT count(*) FROM warren_outbox WHERE message_id = 'callback'"); n != want {
		g.t.Errorf("%d callbacks, want %d", n, want)
	}
}

func TestTheLastMemberWritesTheCallback(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		run  func(g grouped)
	}{
		{"once all members are done", func(g grouped) {
			g.done("a", false)
			g.done("b", false)
			g.wantCallbacks(0)
			g.wantStatus(3, 2, 0, false)
			g.done("c", true)
			g.wantStatus(3, 3, 0, true)
		}},
		{"a member that is delivered twice counts once", func(g grouped) {
			g.done("a", false)
			g.done("a", false)
			g.fail("a", false)
			g.done("b", false)
			g.wantStatus(3, 2, 0, false)
			g.done("c", true)
			g.done("c", false)
		}},
		{"a member that failed ends too", func(g grouped) {
			g.fail("a", false)
			g.fail("a", false)
			g.done("b", false)
			g.fail("c", true)
			g.wantStatus(3, 1, 2, true)
		}},
		{"a member that failed and is done later counts as done", func(g grouped) {
			g.fail("a", false)
			g.done("a", false)
			g.done("b", false)
			g.wantStatus(3, 2, 0, false)
			g.fail("c", true)
			g.done("c", false)
			g.wantStatus(3, 3, 0, true)
		}},
		{"a rollback of the last member undoes the callback", func(g grouped) {
			g.done("a", false)
			g.done("b", false)
			_, err := g.inTx(g.t.Context(), func(tx *sql.Tx) (bool, error) {
				last, err := g.group.Done(g.t.Context(), tx, "c")
				if !last || err != nil {
					g.t.Errorf("Done returned %v, %v; want true", last, err)
				}
				return false, errors.New("the handler fails")
			})
			if err == nil {
				g.t.Error("the transaction was committed")
			}
			g.wantCallbacks(0)
			g.wantStatus(3, 2, 0, false)
			g.done("c", true)
		}},
		{"an operator closes a group whose member is missing", func(g grouped) {
			g.done("a", false)
			g.closes(true)
			g.closes(false)
			g.done("b", false)
			g.done("c", false)
			g.wantStatus(3, 3, 0, true)
		}},
		{"a group is opened once", func(g grouped) {
			g.done("a", false)
			g.opens(1, false)
			g.wantStatus(3, 1, 0, false)
			g.closes(true)
			g.opens(0, false)
		}},
		{"a group without members calls back at once", func(g grouped) {
			g.group.ID = "empty"
			g.opens(0, true)
			g.wantStatus(0, 0, 0, true)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			onEachGroup(t, func(g grouped) {
				tt.run(g)
				g.wantCallbacks(1)
			})
		})
	}
}

func TestGroupsRefuseWhatCannotEnd(t *testing.T) {
	t.Parallel()
	onEachGroup(t, func(g grouped) {
		ctx, long := t.Context(), strings.Repeat("a", 256)
		missing := outbox.Group{Dialect: g.dialect, ID: "missing"}
		for name, tt := range map[string]struct {
			do   func(*sql.Tx) (bool, error)
			want error // nil for any
		}{
			"a member of no group": {func(tx *sql.Tx) (bool, error) { return missing.Done(ctx, tx, "a") }, outbox.ErrNoGroup},
			"to close no group":    {func(tx *sql.Tx) (bool, error) { return missing.Close(ctx, tx) }, outbox.ErrNoGroup},
			"no group to read":     {func(*sql.Tx) (bool, error) { _, err := missing.Status(ctx, g.DB); return false, err }, outbox.ErrNoGroup},
			"a member without id":  {func(tx *sql.Tx) (bool, error) { return g.group.Done(ctx, tx, "") }, broker.ErrMalformed},
			"a long id":            {func(tx *sql.Tx) (bool, error) { return g.group.Fail(ctx, tx, long) }, broker.ErrMalformed},
			"no dialect":           {func(tx *sql.Tx) (bool, error) { return outbox.Group{ID: "a"}.Close(ctx, tx) }, nil},
			"a negative size":      {func(tx *sql.Tx) (bool, error) { return missing.Open(ctx, tx, -1, callback) }, broker.ErrMalformed},
			"a callback to nowhere": {
				func(tx *sql.Tx) (bool, error) { return missing.Open(ctx, tx, 1, outbox.Message{}) }, broker.ErrMalformed,
			},
			"a callback that may be left out": {
				func(tx *sql.Tx) (bool, error) { return missing.Open(ctx, tx, 1, unique("a")) }, broker.ErrMalformed,
			},
		} {
			if got, err := g.inTx(ctx, tt.do); got || err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				g.t.Errorf("%s: got %v, %v; want %v", name, got, err, tt.want)
			}
		}
		g.wantStatus(3, 0, 0, false)
	})
}

// TestManyWorkersEndAGroupOnce has 8 workers that handle each member twice, in different orders, and
// fail now and then after Done.
func TestManyWorkersEndAGroupOnce(t *testing.T) {
	t.Parallel()
	const members, workers = 60, 8
	onEach(t, func(t *testing.T, s *store) {
		g := grouped{s, t, outbox.Group{Dialect: s.dialect, ID: "many"}}
		g.opens(members, true)
		var queue []string
		for i := range 2 * members {
			queue = append(queue, strconv.Itoa(i%members))
		}
		rand.Shuffle(len(queue), func(i, j int) { queue[i], queue[j] = queue[j], queue[i] })
		deliveries := make(chan string, len(queue))
		for _, m := range queue {
			deliveries <- m
		}
		close(deliveries)
		var mu sync.Mutex
		callbacks := 0
		var all sync.WaitGroup
		for range workers {
			all.Go(func() {
				for member := range deliveries {
					if g.handle(member) {
						mu.Lock()
						callbacks++
						mu.Unlock()
					}
				}
			})
		}
		all.Wait()
		if callbacks != 1 {
			t.Errorf("%d workers were told that they were the last, want 1", callbacks)
		}
		g.wantCallbacks(1)
		g.wantStatus(members, members-members/10, members/10, true)
	})
}

// handle ends a member, a tenth of them as failed, in attempts of which every fourth is rolled back.
func (g grouped) handle(member string) (last bool) {
	for {
		last, err := g.inTx(g.t.Context(), func(tx *sql.Tx) (bool, error) {
			end := g.group.Done
			if strings.HasSuffix(member, "0") {
				end = g.group.Fail
			}
			last, err := end(g.t.Context(), tx, member)
			if err == nil && rand.IntN(4) == 0 {
				err = errRollback
			}
			return last, err
		})
		if !errors.Is(err, errRollback) {
			check(g.t, err)
			return last
		}
	}
}

var errRollback = errors.New("the handler fails")

func TestTheCallbackIsPublishedWithTheCounts(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *store) {
		url := rabbit.URL(t)
		name, got := queue(t, url)
		group := outbox.Group{Dialect: s.dialect, ID: "report"}
		_, err := s.inTx(t.Context(), func(tx *sql.Tx) (bool, error) {
			first, err := group.Open(t.Context(), tx, 2, outbox.Message{
				Key: name, Body: []byte{1, 0xff}, Type: "report", Expiration: time.Hour, Headers: message.Headers{"tenant": "blue"},
			})
			return first, errors.Join(err, outbox.Write(t.Context(), tx, s.dialect, outbox.Message{Key: name, ID: "member"}))
		})
		check(t, err)
		r := s.relay(t, url, func(c *outbox.Config) { c.Retention = time.Millisecond })
		got.await(t, 1)
		for member, end := range map[string]func(context.Context, *sql.Tx, string) (bool, error){"a": group.Done, "b": group.Fail} {
			_, err := s.inTx(t.Context(), func(tx *sql.Tx) (bool, error) { return end(t.Context(), tx, member) })
			check(t, err)
		}
		got.await(t, 2)
		d := got.list()[1]
		status, ok := outbox.GroupStatusOf(&message.Message{Headers: message.Headers(d.Headers)})
		if want := (outbox.GroupStatus{ID: "report", Size: 2, Done: 1, Failed: 1, Closed: true}); status != want || !ok {
			t.Errorf("the callback's status is %+v, %v; want %+v", status, ok, want)
		}
		if string(d.Body) != "\x01\xff" || d.Type != "report" || d.Expiration != "3600000" || d.Headers["tenant"] != "blue" ||
			len(d.MessageId) != 36 || time.Since(d.Timestamp).Abs() > patience {
			t.Errorf("the callback came as %+v", d)
		}
		if _, ok := outbox.GroupStatusOf(&message.Message{Headers: message.Headers{outbox.HeaderGroup: "report"}}); ok {
			t.Error("a message without counts is taken for a callback")
		}
		rabbit.Eventually(t, patience, func() bool { return cleaned(r).Groups > 0 }, "the closed group is deleted")
		if n := s.count(t, "SELECT (SELECT count(*) FROM warren_outbox_group) + (SELECT count(*) FROM warren_outbox_member)"); n != 0 || cleaned(r).Groups != 1 {
			t.Errorf("%d groups were deleted and %d rows are left, want 1 and 0", cleaned(r).Groups, n)
		}
	})
}
