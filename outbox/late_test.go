package outbox_test

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/outbox"
)

// gate withholds what the broker answers while it is locked.
type gate struct{ sync.RWMutex }

type gatedConn struct {
	net.Conn

	gate *gate
}

func (c gatedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.gate.RLock()
	defer c.gate.RUnlock()
	return n, err
}

// late is a relay whose confirm of the message "late" is withheld.
type late struct {
	*running
	queue string
	got   *arrivals
	open  func() // lets the confirm through
}

// newLate returns once "late" has arrived. Behind it "next" waits, of the same aggregate.
func newLate(t *testing.T, s *store, lease time.Duration) *late {
	t.Helper()
	var g gate
	l := &late{}
	l.queue, l.got = queue(t, rabbit.URL(t))
	l.running = s.relay(t, rabbit.URL(t), func(c *outbox.Config) {
		c.Lease = lease
		c.Broker.Heartbeat, c.Poll = time.Hour, time.Hour // it claims when it is woken
		c.Broker.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := rabbit.Dial(ctx, network, address)
			return gatedConn{conn, &g}, err
		}
	})
	s.write(t, outbox.Message{Key: l.queue, ID: "first", Aggregate: "first", Body: mark{"first", 0}})
	l.Wake()
	l.drained()
	g.Lock()
	l.open = sync.OnceFunc(g.Unlock)
	t.Cleanup(l.open)
	s.write(t,
		outbox.Message{Key: l.queue, ID: "late", Aggregate: "a", Body: mark{"a", 0}},
		outbox.Message{Key: l.queue, ID: "next", Aggregate: "a", Body: mark{"a", 1}},
	)
	l.Wake()
	l.got.await(t, 2)
	return l
}

// check checks that "late" came once before its confirm, and lets the confirm through.
// Then each message must come once and in order.
func (l *late) check(t *testing.T) {
	t.Helper()
	if ids := l.got.ids(); ids["late"] != 1 || ids["next"] > 0 {
		t.Errorf("late came %d times and next %d times before the confirm, want 1 and 0", ids["late"], ids["next"])
	}
	l.open()
	l.Wake()
	l.drained()
	l.got.await(t, 3)
	l.got.inOrder(t)
	if n := l.got.duplicates(); n != 0 {
		t.Errorf("%d messages came again: %v, want each once; interrupted: %v", n, l.got.ids(), seen[outbox.Interrupted](l.running))
	}
	if failed := seen[outbox.Failed](l.running); len(failed) > 0 {
		t.Errorf("messages were blamed: %+v", failed)
	}
}

// TestAMessageWhoseConfirmIsLateIsPublishedOnce while another relay publishes others, for
// longer than the lease. SQLite's writers do not take turns, and a claim takes a while with the race
// detector: many messages would keep the relay from renewing its leases.
func TestAMessageWhoseConfirmIsLateIsPublishedOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *store) {
		const lease = 10 * time.Second
		l := newLate(t, s, lease)
		other := s.relay(t, rabbit.URL(t), func(c *outbox.Config) { c.Lease = lease })
		began, pace := time.Now(), time.Tick(lease/10)
		for n := 0; time.Since(began) < 2*lease || len(seen[outbox.Published](other)) == 0; n++ {
			<-pace
			id := strconv.Itoa(n)
			s.write(t, outbox.Message{Key: l.queue, ID: id, Aggregate: id, Body: mark{id, 0}})
			rabbit.Eventually(t, patience, func() bool { return l.got.ids()[id] > 0 }, "one of the relays publishes")
		}
		l.check(t)
	})
}

// TestARelayClaimsNoRowThatItHasOnTheWire, even if the row's lease is lost.
func TestARelayClaimsNoRowThatItHasOnTheWire(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *store) {
		l := newLate(t, s, time.Second)
		for n := range 5 {
			_, err := s.ExecContext(t.Context(), "UPDATE warren_outbox SET lease = NULL, leased_until = 0 WHERE message_id = 'late'")
			check(t, err)
			id := strconv.Itoa(n)
			s.write(t, outbox.Message{Key: l.queue, ID: id, Aggregate: id, Body: mark{id, 0}})
			l.Wake()
			rabbit.Eventually(t, patience, func() bool { return l.got.ids()[id] > 0 }, "the relay publishes what it claims")
		}
		rabbit.Eventually(t, patience, func() bool {
			return slices.ContainsFunc(seen[outbox.Interrupted](l.running), func(e outbox.Interrupted) bool {
				return strings.Contains(e.Err.Error(), "leases of unconfirmed messages were lost")
			})
		}, "an event reports the lost lease")
		l.check(t)
	})
}

// TestAStoppedRelayWaitsForLateConfirms, as for all that is on the wire.
func TestAStoppedRelayWaitsForLateConfirms(t *testing.T) {
	t.Parallel()
	s := newStore(t, outbox.SQLite)
	l := newLate(t, s, time.Second)
	rabbit.Eventually(t, patience, func() bool { return len(seen[outbox.Late](l.running)) > 0 }, "the confirm is late")
	l.stop()
	l.open()
	l.end()
	if n := s.count(t, "SELECT count(*) FROM warren_outbox WHERE published_at IS NULL AND message_id = 'late'"); n > 0 {
		t.Error("the message is not marked")
	}
	if n := l.got.duplicates(); n != 0 {
		t.Errorf("%d messages came again, want none", n)
	}
}

// TestALateMessageIsPublishedAgainOnceItsConnectionIsLost: its confirm never comes.
func TestALateMessageIsPublishedAgainOnceItsConnectionIsLost(t *testing.T) {
	t.Parallel()
	dev, err := devbroker.Start(devbroker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, dev.Close()) })
	dev.Inject(devbroker.Fault{On: devbroker.OnConfirm, Times: 1, Do: devbroker.Swallow})
	s := newStore(t, outbox.SQLite)
	name := declare(t, dev.URL())
	s.write(t, outbox.Message{Key: name, Body: 1})
	r := s.relay(t, dev.URL(), func(c *outbox.Config) { c.Lease = time.Second })
	rabbit.Eventually(t, patience, func() bool { return len(seen[outbox.Late](r)) > 0 }, "the confirm is late")
	dev.Drop()
	r.drained()
	if len(seen[outbox.Interrupted](r)) == 0 {
		t.Error("no event says that the relay was interrupted")
	}
}
