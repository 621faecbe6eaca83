package limit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/warren-mq/warren/handler"
)

// ErrLost is the cause of the context of a handler whose slot was lost.
var ErrLost = errors.New("limit: the slot was lost, another process may hold it")

// turn is how long a process uses a slot for one message after another while another process
// waits for it.
const turn = 200 * time.Millisecond

// Pool hands out the slots that this process holds to its handlers, in the order in which the
// handlers ask. Its methods are safe for concurrent use.
type Pool struct {
	spec Spec
	wake chan struct{} // holds one value: the keeper has to look

	mu      sync.Mutex
	waiting []*waiter
	terms   []*Term // by slot; nil if this process does not hold it
}

// waiter is a handler that waits for a slot.
type waiter struct{ granted chan *Term }

// Term is the time for which this process holds a slot.
type Term struct {
	slot  int
	life  context.Context // ends with ErrLost
	end   context.CancelCauseFunc
	lease *time.Timer

	// Guarded by the pool's mutex:
	busy   bool      // a handler uses the slot
	wanted bool      // another process waits for it
	began  time.Time // when this process got it
	usable time.Time // when the next handler may use it
}

func newPool(s Spec) *Pool {
	return &Pool{spec: s, wake: make(chan struct{}, 1), terms: make([]*Term, s.Slots)}
}

// Life returns a context that ends, with a cause that is ErrLost, when the slot is lost.
func (t *Term) Life() context.Context { return t.life }

// Acquire waits for a slot. It returns handler.ErrStopping if the worker begins to drain, and
// the cause of ctx if ctx is done.
func (p *Pool) Acquire(ctx context.Context) (*Term, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	t, w := p.ask()
	if t != nil {
		return t, nil
	}
	p.rouse()
	err := handler.ErrStopping
	select {
	case t := <-w.granted:
		return t, nil
	case <-handler.Stopping(ctx):
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	p.withdraw(w)
	return nil, err
}

// ask returns a slot that is free, or enters the waiting line.
func (p *Pool) ask() (*Term, *waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) == 0 {
		if t := p.free(time.Now()); t != nil {
			t.busy = true
			return t, nil
		}
	}
	w := &waiter{granted: make(chan *Term, 1)}
	p.waiting = append(p.waiting, w)
	return nil, w
}

// withdraw leaves the waiting line. A slot that was granted meanwhile is released.
func (p *Pool) withdraw(w *waiter) {
	p.mu.Lock()
	if i := slices.Index(p.waiting, w); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
	}
	p.mu.Unlock()
	select {
	case t := <-w.granted:
		p.Release(t)
	default:
		p.rouse() // fewer slots are needed
	}
}

// Release ends the use of a slot.
func (p *Pool) Release(t *Term) {
	now := time.Now()
	p.mu.Lock()
	t.busy = false
	t.usable = now.Add(p.spec.Rest)
	p.grant(now)
	look := t.wanted || len(p.waiting) > 0
	p.mu.Unlock()
	if look {
		p.rouse()
	}
}

// rouse makes the keeper look.
func (p *Pool) rouse() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// grant gives free slots to those that wait.
func (p *Pool) grant(now time.Time) {
	for len(p.waiting) > 0 {
		t := p.free(now)
		if t == nil {
			return
		}
		t.busy = true
		p.waiting[0].granted <- t
		p.waiting = slices.Delete(p.waiting, 0, 1)
	}
}

// free returns a slot that a handler may use now, or nil.
func (p *Pool) free(now time.Time) *Term {
	for _, t := range p.terms {
		if t != nil && !t.busy && !t.usable.After(now) && !t.over(now) {
			return t
		}
	}
	return nil
}

// over reports whether another process has its turn.
func (t *Term) over(now time.Time) bool { return t.wanted && now.Sub(t.began) >= turn }

// usage returns the numbers of slots that this process holds and of handlers that wait.
func (p *Pool) usage() (held, waiting int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.terms {
		if t != nil {
			held++
		}
	}
	return held, len(p.waiting)
}

// begin adds a slot that is usable at the given time. The lease ends the term unless it is
// renewed.
func (p *Pool) begin(slot int, usable time.Time, lease time.Duration) *Term {
	t := &Term{slot: slot, began: time.Now(), usable: usable}
	t.life, t.end = context.WithCancelCause(context.Background())
	p.mu.Lock()
	defer p.mu.Unlock()
	t.lease = time.AfterFunc(lease, func() {
		p.lose(t, fmt.Errorf("the broker has not answered for %v", lease))
	})
	p.terms[slot] = t
	return t
}

// lose ends a term because of err.
func (p *Pool) lose(t *Term, err error) {
	p.drop(t)
	t.end(fmt.Errorf("%w: slot %d of limit %q: %w", ErrLost, t.slot, p.spec.Name, err))
	p.rouse()
}

// drop removes a term from the slots.
func (p *Pool) drop(t *Term) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t.lease.Stop()
	if p.terms[t.slot] == t {
		p.terms[t.slot] = nil
	}
}

// want marks the slot of t as wanted by another process.
func (p *Pool) want(t *Term) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t.wanted = true
}

// yield removes the slots that are to be given back, and returns them: those that another
// process wants, if no handler needs them or the turn is over. With all it returns every slot
// that no handler uses.
func (p *Pool) yield(now time.Time, all bool) (gone []*Term) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.grant(now)
	for i, t := range p.terms {
		if t == nil || t.busy || t.usable.After(now) || !all && (!t.wanted || !t.over(now) && len(p.waiting) > 0) {
			continue
		}
		p.terms[i] = nil
		t.lease.Stop()
		gone = append(gone, t)
	}
	return gone
}

// demand returns how many slots more the handlers need, and when the keeper has to look again
// for the slots that it holds.
func (p *Pool) demand(now time.Time) (missing int, again time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	missing, again = len(p.waiting), now.Add(time.Hour)
	for _, t := range p.terms {
		if t == nil || t.busy || !t.usable.After(now) {
			continue
		}
		again = earlier(again, t.usable)
		if !t.over(t.usable) {
			missing--
		}
	}
	return max(missing, 0), again
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
