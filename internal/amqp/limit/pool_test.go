package limit_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/amqp/limit"
	"github.com/warren-mq/warren/internal/rabbit"
)

// newSpec returns a limit of the test's own, whose queues are deleted in the end.
func newSpec(t testing.TB, slots int, rest time.Duration) limit.Spec {
	t.Helper()
	s := limit.Spec{Name: "test-" + rand.Text(), Slots: slots, Rest: rest}
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ch := rabbit.Channel(t, rabbit.URL(t))
		for i := range slots {
			if _, err := ch.QueueDelete(s.Queue(i), false, false, false); err != nil {
				t.Error(err)
			}
		}
	})
	return s
}

// replica is a process with connections of its own.
type replica struct {
	t      testing.TB
	host   *limit.Host
	pool   *limit.Pool
	stop   func() // gives the slots back
	mu     sync.Mutex
	failed []error // what was reported
}

// newReplica connects to url, which may be the URL of a proxy.
func newReplica(t testing.TB, url string, s limit.Spec) *replica {
	t.Helper()
	return newReplicaWith(t, url, s, rabbit.Dial)
}

// newReplicaWith is newReplica with another function that dials the connection that publishes.
func newReplicaWith(t testing.TB, url string, s limit.Spec, dial func(ctx context.Context, network, address string) (net.Conn, error)) *replica {
	t.Helper()
	cfg := amqp.Config{URL: url, Dial: rabbit.Dial, Heartbeat: 2 * time.Second}
	publishing := cfg
	publishing.Dial = dial
	connector, sender := amqp.NewConnector(cfg, "consume", nil), amqp.NewSender(publishing, "publish", nil)
	r := &replica{t: t}
	r.host = limit.NewHost(connector, sender, func(_ string, err error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.failed = append(r.failed, err)
	})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { _ = connector.Run(ctx) })
	running.Go(func() { _ = sender.Run(ctx) })
	r.stop = sync.OnceFunc(func() {
		r.host.Close()
		cancel()
		running.Wait()
		r.host.Wait()
	})
	t.Cleanup(r.stop)
	var err error
	if r.pool, err = r.host.Pool(s); err != nil {
		t.Fatal(err)
	}
	return r
}

// take waits for a slot.
func (r *replica) take() *limit.Term {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	term, err := r.pool.Acquire(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	return term
}

// cannotTake fails the test if there is a slot soon.
func (r *replica) cannotTake() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := r.pool.Acquire(ctx); !errors.Is(err, context.DeadlineExceeded) {
		r.t.Errorf("Acquire returned %v, want a timeout, since all slots are in use", err)
	}
}

func TestNoSlotMoreThanTheLimit(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		s := newSpec(t, 3, 0)
		a, b := newReplica(t, rabbit.URL(t), s), newReplica(t, rabbit.URL(t), s)
		held := []*limit.Term{a.take(), b.take(), a.take()}
		a.cannotTake()
		b.cannotTake()
		a.pool.Release(held[0])
		began := time.Now()
		b.pool.Release(b.take())
		t.Logf("a slot went over after %v", time.Since(began))
		for _, term := range held {
			if err := term.Life().Err(); err != nil {
				t.Errorf("a slot was lost: %v", context.Cause(term.Life()))
			}
		}
	})
}

// TestAnIdleProcessGivesItsSlotsAway: it holds all of them, and no handler uses them.
func TestAnIdleProcessGivesItsSlotsAway(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		s := newSpec(t, 3, 0)
		a, b := newReplica(t, rabbit.URL(t), s), newReplica(t, rabbit.URL(t), s)
		for _, term := range []*limit.Term{a.take(), a.take(), a.take()} {
			a.pool.Release(term)
		}
		began := time.Now()
		b.take()
		b.take()
		b.take()
		t.Logf("three idle slots went over after %v", time.Since(began))
		a.cannotTake()
	})
}

// TestProcessesTakeTurns: three processes that all need more slots than there are use them about
// equally.
func TestProcessesTakeTurns(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		const slots = 2
		s := newSpec(t, slots, 0)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		var now, most atomic.Int64
		var all sync.WaitGroup
		used := make([]atomic.Int64, 3)
		for i := range used {
			r := newReplica(t, rabbit.URL(t), s)
			for range 2 * slots {
				all.Go(func() {
					for {
						term, err := r.pool.Acquire(ctx)
						if err != nil {
							return
						}
						most.Store(max(most.Load(), now.Add(1)))
						time.Sleep(20 * time.Millisecond) // the handler
						now.Add(-1)
						r.pool.Release(term)
						used[i].Add(1)
					}
				})
			}
		}
		all.Wait()
		counts := []int64{used[0].Load(), used[1].Load(), used[2].Load()}
		total := counts[0] + counts[1] + counts[2]
		t.Logf("%v uses, of %d without limits by handovers", counts, slots*3*50)
		if most.Load() > slots || slices.Min(counts) < total/9 {
			t.Errorf("%d handlers ran at a time, want %d at most; the processes ran %v, want about the same", most.Load(), slots, counts)
		}
	})
}

// TestALostConnectionEndsItsHandlers at once, and another process gets the slot after they had a second to end.
func TestALostConnectionEndsItsHandlers(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		s := newSpec(t, 1, 0)
		proxy := rabbit.NewProxy(t, rabbit.URL(t))
		a, b := newReplica(t, proxy.URL(), s), newReplica(t, rabbit.URL(t), s)
		term := a.take()
		proxy.Cut()
		began := time.Now()
		<-term.Life().Done()
		ended := time.Now()
		if err := context.Cause(term.Life()); !errors.Is(err, limit.ErrLost) {
			t.Errorf("the cause is %v, want ErrLost", err)
		}
		b.take()
		t.Logf("the handler was told after %v, and another process got the slot after %v", ended.Sub(began), time.Since(began))
		if time.Since(began) < 900*time.Millisecond {
			t.Errorf("another process got the slot after %v, want 1 s", time.Since(began))
		}
		proxy.Restore(t)
		a.cannotTake()
	})
}

// TestALimitIsChangedBetweenDeployments: processes with the old and the new limit run at the same time.
func TestALimitIsChangedBetweenDeployments(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		wide := newSpec(t, 4, 0)
		narrow := limit.Spec{Name: wide.Name, Slots: 2}
		old, next := newReplica(t, rabbit.URL(t), wide), newReplica(t, rabbit.URL(t), narrow)
		terms := []*limit.Term{old.take(), old.take(), old.take(), old.take()}
		next.cannotTake()
		for _, term := range terms {
			old.pool.Release(term)
		}
		next.take()
		next.take()
		next.cannotTake()
		old.take()
		old.take()
		old.cannotTake()
	})
}

// TestARateIsSharedByProcesses: two processes that both need all of it get it together, and not
// more, whatever the stretch of time.
func TestARateIsSharedByProcesses(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		const (
			n     = 5 // slots, each of which is used once in 100 ms: 50 a second
			rest  = 100 * time.Millisecond
			total = 3 * time.Second
		)
		s := newSpec(t, n, rest)
		ctx, cancel := context.WithTimeout(t.Context(), total)
		defer cancel()
		var mu sync.Mutex
		var began []time.Time
		var all sync.WaitGroup
		counts := make([]atomic.Int64, 2)
		for i := range counts {
			r := newReplica(t, rabbit.URL(t), s)
			for range 2 * n {
				all.Go(func() {
					for {
						term, err := r.pool.Acquire(ctx)
						if err != nil {
							return
						}
						mu.Lock()
						began = append(began, time.Now())
						mu.Unlock()
						r.pool.Release(term)
						counts[i].Add(1)
					}
				})
			}
		}
		all.Wait()
		slices.SortFunc(began, time.Time.Compare)
		for i, first := range began {
			for j := i + 1; j < len(began); j++ {
				d := began[j].Sub(first)
				most := float64(n)*float64(d+20*time.Millisecond)/float64(rest) + n // clocks are read a little late
				if got := j - i + 1; float64(got) > most {
					t.Fatalf("%d handlers began within %v, want at most %.1f", got, d, most)
				}
			}
		}
		t.Logf("%d and %d began in %v, of %d at full rate", counts[0].Load(), counts[1].Load(), total, int(total/rest)*n)
		if counts[0].Load() == 0 || counts[1].Load() == 0 { // a busy machine is slower than the rate
			t.Error("one process got nothing")
		}
	})
}

// TestSlotsAreGivenBackWhileTheBrokerConfirmsNothing: the process keeps the slots that it uses.
func TestSlotsAreGivenBackWhileTheBrokerConfirmsNothing(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		const used, idle = 8, 8
		s := newSpec(t, used+idle, 0)
		confirms := make(chan struct{}, 1)
		a := newReplicaWith(t, rabbit.URL(t), s, func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := rabbit.Dial(ctx, network, address)
			return held{conn, confirms}, err
		})
		b := newReplica(t, rabbit.URL(t), s)
		var busy []*limit.Term
		for range used + idle {
			busy = append(busy, a.take())
		}
		for range idle {
			a.pool.Release(busy[used])
			busy = slices.Delete(busy, used, used+1)
		}
		confirms <- struct{}{}
		t.Cleanup(func() { <-confirms })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var all sync.WaitGroup
		for range idle {
			all.Go(func() {
				if _, err := b.pool.Acquire(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for _, term := range busy {
			if err := context.Cause(term.Life()); err != nil {
				t.Errorf("a slot was lost that a handler uses: %v", err)
			}
		}
	})
}

// held is a connection whose bytes are received only while the channel is empty.
type held struct {
	net.Conn
	gate chan struct{}
}

func (c held) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.gate <- struct{}{}
	<-c.gate
	return n, err
}

// TestTheQueuesAreDeleted under a process that holds a slot.
func TestTheQueuesAreDeleted(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		s := newSpec(t, 2, 0)
		r := newReplica(t, rabbit.URL(t), s)
		term := r.take()
		ch := rabbit.Channel(t, rabbit.URL(t))
		for i := range s.Slots {
			if _, err := ch.QueueDelete(s.Queue(i), false, false, false); err != nil {
				t.Fatal(err)
			}
		}
		<-term.Life().Done()
		if err := context.Cause(term.Life()); !errors.Is(err, limit.ErrLost) {
			t.Errorf("the cause is %v, want ErrLost", err)
		}
		r.take()
		r.take()
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.failed) == 0 {
			t.Error("nothing is reported")
		}
	})
}

// TestTwoLimitsOfOneName in a process is an error.
func TestTwoLimitsOfOneName(t *testing.T) {
	t.Parallel()
	a, b := limit.Spec{Name: "a", Slots: 2}, limit.Spec{Name: "a", Slots: 3}
	for name, tt := range map[string]struct {
		all []limit.Spec
		ok  bool
	}{
		"the same limit twice":                    {[]limit.Spec{a, a}, true},
		"another size":                            {[]limit.Spec{a, b}, false},
		"a rate beside a limit":                   {[]limit.Spec{a, {Name: "a", Slots: 2, Rest: time.Second}}, true},
		"two rates that rest for different times": {[]limit.Spec{{Name: "a", Slots: 2, Rest: 1}, {Name: "a", Slots: 2, Rest: 2}}, false},
	} {
		if err := limit.Check(tt.all); (err == nil) != tt.ok {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// BenchmarkAHeldSlot is what a limit costs a message if its process holds a slot.
func BenchmarkAHeldSlot(b *testing.B) {
	s := newSpec(b, 1, 0)
	r := newReplica(b, rabbit.URL(b), s)
	r.pool.Release(r.take())
	for b.Loop() {
		term, err := r.pool.Acquire(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		r.pool.Release(term)
	}
}
