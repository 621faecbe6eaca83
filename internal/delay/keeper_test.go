package delay_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/delay"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

// published is a message that the keeper has published.
type published struct {
	id    string
	where string // exchange/key, level:, or stranded:
	at    time.Time
	m     message.Message
}

// world is the broker as a keeper sees it.
type world struct {
	t      *testing.T
	keeper *delay.Keeper
	stop   context.CancelFunc
	done   chan struct{}
	taken  time.Duration // until a confirm comes

	mu       sync.Mutex
	refuse   func(id, where string) error
	silent   func(where string) bool // whether confirms never come
	offline  chan struct{}           // publishes block until it is closed; nil if they do not
	all      []published
	acked    []string
	dropped  []string
	returned []string
	failures map[string]int // by exchange and key
	flying   map[string]int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, done: make(chan struct{}), flying: make(map[string]int), failures: make(map[string]int), refuse: func(string, string) error { return nil }}
	w.keeper = delay.New(delay.Config{
		Queue: "q.delay", Sink: w,
		Target: func(m *message.Message) delay.Address {
			return delay.Address{Exchange: m.Headers.String("exchange"), Key: m.Headers.String("for")}
		},
		OnFailed: w.failed,
	})
	ctx, stop := context.WithCancel(t.Context())
	w.stop = stop
	go func() {
		defer close(w.done)
		w.keeper.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-w.done
	})
	return w
}

// delivery is one that the test has made.
type delivery struct {
	w    *world
	m    message.Message
	lost chan struct{}
}

func (d *delivery) Fill(m *message.Message) { *m = d.m }
func (d *delivery) Lost() <-chan struct{}   { return d.lost }
func (d *delivery) Ack() error {
	d.w.mu.Lock()
	defer d.w.mu.Unlock()
	d.w.acked = append(d.w.acked, d.m.ID)
	return nil
}

func (d *delivery) Release() error {
	d.w.mu.Lock()
	defer d.w.mu.Unlock()
	d.w.returned = append(d.w.returned, d.m.ID)
	return nil
}

func (d *delivery) Reject() error {
	d.w.mu.Lock()
	defer d.w.mu.Unlock()
	d.w.dropped = append(d.w.dropped, d.m.ID)
	return nil
}

func (w *world) failed(to delay.Address, _ *message.Message, _ error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failures[to.Exchange+"/"+to.Key]++
}

// deliver hands the keeper a message that is due after d. The target is a queue, or an
// exchange and a routing key with a slash between them.
func (w *world) deliver(id, target string, d time.Duration, body ...byte) *delivery {
	exchange, key, found := strings.Cut(target, "/")
	if !found {
		exchange, key = "", target
	}
	m := message.Message{ID: id, Body: body, Headers: message.Headers{"for": key, "x-delivery-count": int64(1)}}
	if exchange != "" {
		m.Headers["exchange"] = exchange
	}
	return w.hand(m, d)
}

// hand hands the keeper a message that is due after d.
func (w *world) hand(m message.Message, d time.Duration) *delivery {
	record.SetDue(&m, time.Now().Add(d))
	got := &delivery{w: w, m: m, lost: make(chan struct{})}
	if !w.keeper.Take(w.t.Context(), got) {
		w.t.Error("the keeper took nothing")
	}
	return got
}

// start puts a message on the wire, and returns what waits for its confirm.
func (w *world) start(where string, m *message.Message) func(context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flying[m.ID]++
	if w.flying[m.ID] > 1 {
		w.t.Errorf("message %s is on the wire twice", m.ID)
	}
	w.all = append(w.all, published{m.ID, where, time.Now(), *m})
	refuse, taken := w.refuse, w.taken
	if w.silent != nil && w.silent(where) {
		taken = math.MaxInt64
	}
	return func(ctx context.Context) error {
		defer func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.flying[m.ID]--
		}()
		select {
		case <-time.After(taken):
			return refuse(m.ID, where)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (w *world) Start(ctx context.Context, to delay.Address, m *message.Message) func(context.Context) error {
	w.mu.Lock()
	offline := w.offline
	w.mu.Unlock()
	if offline != nil {
		select {
		case <-offline:
		case <-ctx.Done():
			return func(context.Context) error { return context.Cause(ctx) }
		}
	}
	return w.start(to.Exchange+"/"+to.Key, m)
}

func (w *world) Park(ctx context.Context, level time.Duration, queue string, m *message.Message) error {
	return w.start(fmt.Sprintf("level:%v:%s", level, queue), m)(ctx)
}

func (w *world) Strand(ctx context.Context, to delay.Address, m *message.Message) error {
	return w.start("stranded:"+to.Key, m)(ctx)
}

// sent returns what was published to where, or everything.
func (w *world) sent(where string) (all []published) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.all {
		if strings.HasPrefix(p.where, where) {
			all = append(all, p)
		}
	}
	return all
}

func (w *world) ids(where string) (ids []string) {
	for _, p := range w.sent(where) {
		ids = append(ids, p.id)
	}
	return ids
}

func (w *world) acknowledged() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.acked)
}

func (w *world) rejected() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.dropped)
}

func (w *world) refuses(f func(id, where string) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refuse = f
}

// refusesAt makes publishes to a place fail with why.
func (w *world) refusesAt(place string, why error) {
	w.refuses(func(_, where string) error {
		if strings.HasPrefix(where, place) {
			return why
		}
		return nil
	})
}

// in runs f in a bubble with a world of its own.
func in(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { f(t, newWorld(t)) })
}

func TestEachMessageLeavesWhenItIsDue(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		began := time.Now()
		due := make(map[string]time.Duration)
		for i := range 500 {
			id := strconv.Itoa(i)
			due[id] = time.Duration(i*7919%5000) * time.Millisecond
			w.deliver(id, "a", due[id])
		}
		time.Sleep(6 * time.Second)
		for _, p := range w.sent("/a") {
			if late := p.at.Sub(began) - due[p.id]; late < 0 || late > time.Millisecond {
				t.Errorf("message %s left %v late, want 0 to 1ms", p.id, late)
			}
			want := message.Headers{"for": "a", record.HeaderPublishedAt: p.at.UnixMilli()}
			if !maps.Equal(p.m.Headers, want) {
				t.Errorf("message %s has the headers %v, want %v", p.id, p.m.Headers, want)
			}
		}
		if n, _ := w.keeper.Held(); n != 0 || len(w.acknowledged()) != 500 {
			t.Errorf("%d are held and %d acknowledged, want 0 and 500", n, len(w.acknowledged()))
		}
	})
}

func TestMessagesDueAtOnceKeepTheirOrder(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		var want []string
		for i := range 1000 {
			want = append(want, strconv.Itoa(i))
			w.deliver(want[i], "a", time.Second)
		}
		time.Sleep(2 * time.Second)
		if got := w.ids("/a"); !slices.Equal(got, want) {
			t.Errorf("the order is %v", got)
		}
	})
}

func TestATargetThatRefusesHoldsUpNoOther(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		began := time.Now()
		w.refuses(func(_, where string) error {
			if where == "/full" && time.Since(began) < time.Minute {
				return amqp.ErrNacked
			}
			return nil
		})
		for i := range 100 {
			w.deliver("full-"+strconv.Itoa(i), "full", time.Second)
			w.deliver("well-"+strconv.Itoa(i), "well", time.Second+time.Duration(i)*time.Millisecond)
		}
		time.Sleep(2 * time.Second)
		for i, p := range w.sent("/well") {
			if late := p.at.Sub(began) - time.Second - time.Duration(i)*time.Millisecond; late > time.Millisecond {
				t.Errorf("message %s left %v late, want 1ms at most", p.id, late)
			}
		}
		time.Sleep(58 * time.Second)
		if tries := len(w.sent("/full")); tries > 130 {
			t.Errorf("the target that refuses was tried %d times, want 100 and a few", tries)
		}
		time.Sleep(10 * time.Second)
		if n := len(w.acknowledged()); n != 200 {
			t.Errorf("%d were acknowledged, want 200", n)
		}
	})
}

func TestAMessageWithoutADestinationIsStranded(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.refusesAt("/none", amqp.ErrUnroutable)
		for i := range 10 {
			w.deliver(strconv.Itoa(i), "none", time.Second)
		}
		time.Sleep(20 * time.Second)
		if got := w.sent("stranded:none"); len(got) != 0 {
			t.Errorf("%d were stranded after 20 s, want none: the queue may come back", len(got))
		}
		time.Sleep(30 * time.Second)
		got := w.sent("stranded:none")
		if len(got) != 10 || len(w.acknowledged()) != 10 {
			t.Fatalf("%d were stranded and %d acknowledged, want 10", len(got), len(w.acknowledged()))
		}
		if h := got[0].m.Headers; h.String(record.HeaderReason) != message.ReasonUnrouted || !strings.Contains(h.String(record.HeaderError), `"none"`) {
			t.Errorf("the record is %v, want the reason and the routing key", h)
		}
	})
}

func TestATargetThatComesBackGetsItsMessages(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		began := time.Now()
		w.refuses(func(string, string) error {
			if time.Since(began) < 10*time.Second {
				return amqp.ErrUnroutable
			}
			return nil
		})
		for i := range 10 {
			w.deliver(strconv.Itoa(i), "a", time.Second)
		}
		time.Sleep(20 * time.Second)
		if len(w.acknowledged()) != 10 || len(w.sent("stranded")) != 0 {
			t.Errorf("%d were acknowledged and %d stranded, want 10 and 0", len(w.acknowledged()), len(w.sent("stranded")))
		}
	})
}

func TestFarMessagesWaitInALevel(t *testing.T) {
	for d, want := range map[time.Duration]string{
		72 * time.Second:      "level:1m4s:q.delay",
		time.Hour:             "level:34m8s:q.delay",
		24 * 365 * time.Hour:  "level:1165h5m4s:q.delay",
		71 * time.Second:      "/a",
		300 * time.Hour * 876: "level:1165h5m4s:q.delay",
	} {
		t.Run(d.String(), func(t *testing.T) {
			in(t, func(t *testing.T, w *world) {
				due := time.Now().Add(d)
				w.deliver("1", "a", d)
				time.Sleep(72 * time.Second)
				got := w.sent("")
				if len(got) != 1 || got[0].where != want {
					t.Fatalf("published %v, want one to %s", got, want)
				}
				if at := record.Due(&got[0].m); want != "/a" && !at.Equal(due) {
					t.Errorf("it is due %v, want %v", at, due)
				}
			})
		})
	}
}

func TestALevelThatRefusesIsTriedAgain(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.refusesAt("level", amqp.ErrRefused)
		began := time.Now()
		w.deliver("1", "a", 2*time.Minute)
		time.Sleep(3 * time.Minute)
		got := w.sent("/a")
		if len(got) != 1 || got[0].at.Sub(began) != 2*time.Minute || len(w.acknowledged()) != 1 {
			t.Errorf("published %v, want it once after 2 min", got)
		}
	})
}

// TestAFullKeeperFindsWhatIsDueSoon behind what is due later.
func TestAFullKeeperFindsWhatIsDueSoon(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		for i := range 20_000 {
			w.deliver(strconv.Itoa(i), "a", time.Minute)
		}
		began := time.Now()
		w.deliver("soon", "b", time.Second)
		time.Sleep(2 * time.Second)
		if got := w.sent("/b"); len(got) != 1 || got[0].at.Sub(began) != time.Second {
			t.Errorf("the message that is due soon left as %v, want after 1 s", got)
		}
		if n, _ := w.keeper.Held(); n > 13_000 {
			t.Errorf("%d are held, want about 12,000 at most", n)
		}
		if n := len(w.sent("level:32s")); n < 7_000 {
			t.Errorf("%d went to a level, want the rest", n)
		}
	})
}

func TestBodiesFillTheKeeperToo(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		body := make([]byte, 1<<20)
		for i := range 100 {
			w.deliver(strconv.Itoa(i), "a", time.Minute, body...)
		}
		time.Sleep(time.Second)
		if _, bytes := w.keeper.Held(); bytes > 34<<20 {
			t.Errorf("%d MiB are held, want 33 at most", bytes>>20)
		}
	})
}

func TestWhatIsRefusedForLongWaitsInALevel(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.refusesAt("/a", amqp.ErrNacked)
		w.deliver("1", "a", time.Second)
		time.Sleep(6 * time.Minute)
		if got := w.sent("level:1m4s"); len(got) != 1 {
			t.Errorf("%d went to a level, want 1: nothing is held for long", len(got))
		}
	})
}

func TestWhatTheBrokerTookBackIsForgotten(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		d := w.deliver("1", "a", 10*time.Second)
		w.deliver("2", "a", 10*time.Second)
		close(d.lost)
		w.keeper.Sweep()
		synctest.Wait()
		if n, _ := w.keeper.Held(); n != 1 {
			t.Errorf("%d are held, want 1", n)
		}
		time.Sleep(11 * time.Second)
		if got := w.ids("/a"); !slices.Equal(got, []string{"2"}) {
			t.Errorf("published %v, want 2 alone", got)
		}
	})
}

func TestWhatCannotBePublishedIsRejected(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.refuses(func(string, string) error { return errors.Join(amqp.ErrTooLarge) })
		w.deliver("1", "a", 0)
		time.Sleep(time.Second)
		if n, _ := w.keeper.Held(); n != 0 || !slices.Equal(w.rejected(), []string{"1"}) {
			t.Errorf("rejected %v with %d held, want 1 and none", w.rejected(), n)
		}
	})
}

func TestAStopWaitsForTheConfirmsOnTheirWay(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.mu.Lock()
		w.taken = 2 * time.Second
		w.mu.Unlock()
		w.deliver("1", "a", 0)
		w.deliver("2", "a", time.Minute)
		time.Sleep(time.Second)
		w.stop()
		<-w.done
		if !slices.Equal(w.acknowledged(), []string{"1"}) || len(w.sent("")) != 1 {
			t.Errorf("acknowledged %v of %v, want what was on the wire", w.acknowledged(), w.ids(""))
		}
	})
}

func TestAStopDoesNotWaitForever(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.mu.Lock()
		w.taken = time.Hour
		w.mu.Unlock()
		w.deliver("1", "a", 0)
		time.Sleep(time.Second)
		began := time.Now()
		w.stop()
		<-w.done
		if took := time.Since(began); took > 6*time.Second {
			t.Errorf("the stop took %v, want 5 s", took)
		}
		time.Sleep(time.Hour)
	})
}
