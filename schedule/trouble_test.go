package schedule_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/schedule"
	"github.com/warren-mq/warren/topology"
)

// An entry that cannot be published does not delay other entries, and does not cost the
// leader its token for long.
func TestAnEntryThatCannotBePublished(t *testing.T) {
	versions(t, devbroker.Config{}, func(b *bubble) {
		b.declare("reports", nil)
		b.declare("full", message.Headers{"x-queue-type": "quorum", "x-max-length": 1, "x-overflow": "reject-publish"})
		began := time.Now()
		good := schedule.Entry{Name: "good", Cron: "@every 1m", Key: "reports"}
		entries := []schedule.Entry{
			good,
			{Name: "lost", Cron: "@every 1m", Exchange: "nowhere", Key: "k"},
			{Name: "unrouted", Cron: "@every 1m", Key: "later"},
			{Name: "refused", Cron: "@every 1m", Key: "reports", Headers: message.Headers{"large": strings.Repeat("x", 200_000)}},
			{Name: "full", Cron: "@every 1m", Key: "full", Confirm: true},
		}
		first, second := b.run(entries), b.run(entries)
		time.Sleep(20*time.Minute + time.Second)
		b.want(good, began, time.Now())
		if n := len(seen[schedule.Changed](first)) + len(seen[schedule.Changed](second)); n > 10 {
			b.t.Errorf("the roles changed %d times, want no more than the first failures cost", n)
		}
		leader := first
		if second.Health().Role == schedule.RoleLeader {
			leader = second
		}
		reasons := strings.Join(leader.Health().Reasons, "\n")
		for _, want := range []string{"entry lost: ", "entry unrouted: ", "entry refused: ", "entry full: "} {
			if !strings.Contains(reasons, want) {
				b.t.Errorf("the reasons lack %q:\n%s", want, reasons)
			}
		}
		if n := len(b.ids("full")); n == 0 || n > 2 { // what a quorum queue takes above its length depends on the version
			b.t.Errorf("the full queue has %d messages, want its length", n)
		}
		b.channel(func(ch *amqp.Channel) error {
			_, err := ch.QueuePurge("full", false)
			return err
		})
		b.declare("later", nil)
		time.Sleep(2 * time.Minute)
		if n := len(b.ids("later")); n < 2 {
			b.t.Errorf("%d ticks are published once there is a queue, want the newest that was missed and those since", n)
		}
		if n := len(b.ids("full")); n == 0 {
			b.t.Error("nothing is published once there is room in the queue")
		}
		first.end()
		second.end()
	})
}

// TestNoTickIsLostWhileTheBrokerIsBlocked. The tick that is under way when the alarm begins is published
// again if its leader is replaced before it knows the result.
func TestNoTickIsLostWhileTheBrokerIsBlocked(t *testing.T) {
	versions(t, devbroker.Config{}, func(b *bubble) {
		b.declare("reports", nil)
		entries := every("1m")
		entries[0].Tolerance = time.Hour
		began := time.Now()
		first, second := b.run(entries), b.run(entries)
		time.Sleep(150 * time.Second)
		b.broker.Block("disk")
		time.Sleep(20 * time.Minute)
		if h := first.Health(); h.Ready && second.Health().Ready {
			b.t.Error("both are ready, while the broker takes nothing")
		}
		b.broker.Unblock()
		time.Sleep(2 * time.Minute)
		b.want(entries[0], began, time.Now(), began.Truncate(time.Minute).Add(3*time.Minute))
		first.end()
		second.end()
	})
}

// If the clock is set back, no tick is repeated; if it is set forward, no tick is skipped.
func TestTheClockIsSet(t *testing.T) {
	t.Parallel()
	inBubble(t, devbroker.Config{}, func(b *bubble) {
		b.declare("reports", nil)
		entries := every("10m")
		entries[0].Missed = schedule.All
		began := time.Now()
		var shift atomic.Int64 // ns
		r := b.runWith(func() time.Time { return time.Now().Add(time.Duration(shift.Load())) }, entries)
		time.Sleep(61 * time.Minute)
		shift.Store(int64(-30 * time.Minute))
		time.Sleep(5 * time.Minute)
		if h := r.Health(); h.Ready || !strings.Contains(strings.Join(h.Reasons, " "), "the clock is behind") {
			b.t.Errorf("the health is %+v, want it to tell of the clock", h)
		}
		time.Sleep(time.Hour)
		shift.Store(int64(2 * time.Hour))
		time.Sleep(2 * time.Minute)
		b.want(entries[0], began, time.Now().Add(2*time.Hour))
		r.end()
	})
}

func TestAnotherProcessHasOtherEntries(t *testing.T) {
	t.Parallel()
	inBubble(t, devbroker.Config{}, func(b *bubble) {
		b.declare("reports", nil)
		first := b.run(every("1m"))
		time.Sleep(time.Second)
		second := b.run(append(every("1m"), schedule.Entry{Name: "new", Cron: "@daily", Key: "reports"}))
		time.Sleep(time.Minute)
		if got := seen[schedule.Differs](first); len(got) != 1 || !slices.Equal(got[0].Entries, []string{"new"}) {
			b.t.Errorf("the leader tells of %+v, want the entry new", got)
		}
		first.end()
		second.end()
	})
}

// A message in the token queue that no scheduler wrote is reported and removed.
func TestAForeignMessageInTheQueueOfTokens(t *testing.T) {
	t.Parallel()
	inBubble(t, devbroker.Config{}, func(b *bubble) {
		b.declare("reports", nil)
		began := time.Now()
		r := b.run(every("1m"))
		time.Sleep(10 * time.Second)
		b.publish(schedule.TokenQueue("test"), "hello")
		time.Sleep(time.Hour)
		if n := len(seen[schedule.Unreadable](r)); n != 1 {
			b.t.Errorf("it is told %d times, want once", n)
		}
		r.end()
		b.want(every("1m")[0], began, time.Now())
		left := b.broker.Messages("/", schedule.TokenQueue("test"))
		for _, m := range left {
			if _, err := schedule.Decode(m.Body); err != nil {
				b.t.Errorf("the token's queue still has %q: %v", m.Body, err)
			}
		}
		if len(left) == 0 || len(left) > 2 {
			b.t.Errorf("the token's queue has %d messages, want the token, and the one before at most", len(left))
		}
	})
}

// If the broker may have lost the last tick, the next leader publishes it again.
func TestTheTokensQueueIsDeleted(t *testing.T) {
	versions(t, devbroker.Config{}, func(b *bubble) {
		b.declare("reports", nil)
		began := time.Now()
		first, second := b.run(every("1m")), b.run(every("1m"))
		time.Sleep(90 * time.Second)
		b.channel(func(ch *amqp.Channel) error {
			_, err := ch.QueueDelete(schedule.TokenQueue("test"), false, false, false)
			return err
		})
		time.Sleep(10 * time.Minute)
		b.want(every("1m")[0], began, time.Now())
		first.end()
		second.end()
	})
}

// A leader that loses its connection when a tick was returned to it does not lose the tick.
func TestATickThatNoQueueTookIsPublishedByTheNextLeader(t *testing.T) {
	versions(t, devbroker.Config{}, func(b *bubble) {
		entries := []schedule.Entry{{Name: "e", Cron: "@every 1h", Key: "later"}}
		tick := entries[0].Next(time.Now())
		first := b.run(entries, func(c *schedule.Config) {
			l := &line{dial: c.Broker.Dial}
			c.Broker.Dial = l.connect
			record := c.OnEvent
			c.OnEvent = func(e schedule.Event) {
				record(e)
				if _, failed := e.(schedule.Failed); failed {
					l.cut()
				}
			}
		})
		time.Sleep(time.Second)
		second := b.run(entries)
		time.Sleep(time.Until(tick) + time.Minute)
		if second.Health().Role != schedule.RoleLeader || len(seen[schedule.Failed](first)) != 1 {
			b.t.Fatalf("the second process is %s, want that it leads after the first failure of the other: %+v", second.Health().Role, seen[schedule.Failed](first))
		}
		b.declare("later", nil)
		time.Sleep(time.Minute)
		if got, want := b.ids("later"), []string{"e/" + tick.UTC().Format(time.RFC3339)}; !slices.Equal(got, want) {
			b.t.Errorf("published are %v, want %v", got, want)
		}
		first.end()
		second.end()
	})
}

// line is the network of a process, until it is cut.
type line struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)

	mu    sync.Mutex
	conns []net.Conn
	off   bool
}

func (l *line) connect(ctx context.Context, network, address string) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.off {
		return nil, errors.New("the line is cut")
	}
	conn, err := l.dial(ctx, network, address)
	if err == nil {
		l.conns = append(l.conns, conn)
	}
	return conn, err
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.off = true
	for _, conn := range l.conns {
		_ = conn.Close()
	}
}

// A broker that crashes right after a transaction may lose its messages. Here it loses the tick.
func TestATickThatTheBrokerLostIsPublishedAgain(t *testing.T) {
	versions(t, devbroker.Config{}, func(b *bubble) {
		b.declare("reports", nil)
		began := time.Now()
		published, lost := make(chan struct{}), make(chan struct{})
		crash := sync.OnceFunc(func() {
			close(published)
			<-lost
		})
		r := b.run(every("1h"), func(c *schedule.Config) {
			dial := c.Broker.Dial
			c.Broker.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := dial(ctx, network, address)
				return tapped{conn, func(read []byte) {
					if bytes.Contains(read, commitOK) && len(b.ids("reports")) > 0 {
						crash()
					}
				}}, err
			}
		})
		<-published
		b.channel(func(ch *amqp.Channel) error {
			_, err := ch.QueuePurge("reports", false)
			return err
		})
		b.broker.Drop()
		close(lost)
		time.Sleep(time.Minute)
		b.want(every("1h")[0], began, time.Now())
		r.end()
	})
}

// commitOK is the method tx.commit-ok, with which the broker confirms a transaction.
var commitOK = []byte{0, 90, 0, 21}

// tapped is a connection that calls read with what is received.
type tapped struct {
	net.Conn
	read func([]byte)
}

func (c tapped) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read(p[:n])
	return n, err
}

func TestRead(t *testing.T) {
	t.Parallel()
	inBubble(t, devbroker.Config{}, func(b *bubble) {
		b.declare("reports", nil)
		if _, err := schedule.Read(b.t.Context(), b.config, "test"); err == nil || !strings.Contains(err.Error(), `group "test": no scheduler of this group has run`) {
			b.t.Errorf("before all the error is %v", err)
		}
		entries := []schedule.Entry{{Name: "e", Cron: "0 * * * *", Timezone: "Asia/Tokyo", Key: "reports", Missed: schedule.Skip}}
		r := b.run(entries)
		time.Sleep(time.Hour + time.Minute)
		r.end()
		time.Sleep(5 * time.Hour)
		r = b.run(entries)
		time.Sleep(10 * time.Minute)
		s, err := schedule.Read(b.t.Context(), b.config, "test")
		if err != nil {
			b.t.Fatal(err)
		}
		b.broker.Drop()
		if again, err := schedule.Read(b.t.Context(), b.config, "test"); err != nil || len(again.Entries) != 1 {
			b.t.Errorf("the second look says %+v, %v", again, err)
		}
		r.end()
		e := s.Entries[0]
		got := []string{s.Group, e.Name, e.Cron, e.Timezone, e.Key, e.Error, e.Last.UTC().Format("15:04"), e.Next.UTC().Format("15:04"), e.MissedFirst.UTC().Format("15:04"), e.MissedLast.UTC().Format("15:04")}
		want := []string{"test", "e", "0 * * * *", "Asia/Tokyo", "reports", "", "01:00", "07:00", "02:00", "06:00"}
		if !slices.Equal(got, want) || s.Leader == "" || e.By == "" || s.Leader == e.By || time.Since(s.UpdatedAt) > 2*time.Minute {
			b.t.Errorf("the state is %v of %+v, want %v", got, s, want)
		}
	})
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	inBubble(t, devbroker.Config{}, func(b *bubble) {
		b.declare("reports", nil)
		if err := schedule.New(schedule.Config{}).Run(b.t.Context()); err == nil || !strings.Contains(err.Error(), "Entries is empty") {
			b.t.Errorf("without a configuration the error is %v", err)
		}
		r := b.run(every("1h"))
		time.Sleep(time.Minute)
		if err := r.Run(b.t.Context()); err == nil || !strings.Contains(err.Error(), "called twice") {
			b.t.Errorf("the second call returns %v", err)
		}
		r.end()
		b.declare(schedule.TokenQueue("other"), nil)
		err := schedule.New(schedule.Config{Name: "other", Broker: b.config, Entries: every("1h")}).Run(b.t.Context())
		if _, ok := errors.AsType[*topology.ConflictError](err); !ok {
			b.t.Errorf("with another queue of that name the error is %v, want a conflict", err)
		}
	})
}
