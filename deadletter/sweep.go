package deadletter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/warren-mq/warren/internal/amqp/inspect"
)

// Result counts the outcomes of dead letters, or of the lines of a file.
type Result struct {
	Total   int `json:"total"`   // dead letters in the queue at the time of the call, or lines
	Done    int `json:"done"`    // replayed, discarded or imported
	Skipped int `json:"skipped"` // did not match the filter; they stay
	Newer   int `json:"newer"`   // arrived after the call; they stay
	Failed  int `json:"failed"`  // could not be replayed, discarded or imported; they stay
}

var (
	errNoWorkQueue = errors.New("its work queue is unknown: neither the name of the dead-letter queue nor a header contains it")
	errRefused     = errors.New("refused")
	errNoProgress  = errors.New("stopped after 10 minutes in which every dead letter failed")
)

const (
	// maxHold is how long messages are held before they are requeued: well below the
	// broker's consumer timeout of 30 minutes.
	maxHold = 10 * time.Minute
	// slowHold is how long a replay with a rate holds messages, counted from the first
	// one that it has replayed. Then other clients may read the queue for turnTime.
	slowHold = 3 * time.Second
	turnTime = 500 * time.Millisecond
	// maxFailures is the number of errors that are returned in full.
	maxFailures = 10
)

// sweep reads the dead letters that are in a queue at the time of the call once, and
// calls act for those that match the filter.
type sweep struct {
	inspection *inspect.Inspection
	queue      string
	filter     Filter
	pace       *rate.Limiter
	// act begins the work on a dead letter, which is removed if wait returns nil. If act
	// returns no wait, the dead letter counts as done and stays.
	act      func(context.Context, *DeadLetter) (wait func(context.Context) error, err error)
	progress func(Result)
	cutoff   time.Time
	dry      bool          // act removes no dead letter, so a second round would count all of them again
	slow     bool          // other clients may read the queue between rounds
	returns  time.Duration // how long the latest GiveBack took

	mu       sync.Mutex
	result   Result
	failures []error
}

// begin restores the order of the queue, the oldest dead letter first, and records its
// length and the time.
func (s *sweep) begin(ctx context.Context) error {
	if err := s.inspection.KeepOrder(ctx); err != nil {
		return err
	}
	s.cutoff = time.Now()
	there, err := s.inspection.State()
	s.result.Total = there.Messages
	return err
}

// run works until want dead letters are done, or all have been read. Long work is done in
// rounds; between rounds, all held messages are requeued. A dry run has one round.
func (s *sweep) run(ctx context.Context, want int) error {
	for {
		over, err := s.round(ctx, want-s.result.Done)
		if over || err != nil {
			return errors.Join(append([]error{err}, s.failures...)...)
		}
		began := time.Now()
		if err := s.inspection.GiveBack(); err != nil {
			return err
		}
		s.returns = time.Since(began)
		if err := s.yieldLock(ctx); err != nil {
			return err
		}
	}
}

// yieldLock unlocks the queue for turnTime, and then waits until it can lock it again.
func (s *sweep) yieldLock(ctx context.Context) error {
	if !s.slow {
		return nil
	}
	if err := s.inspection.Unlock(); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(turnTime):
		}
		if err := s.inspection.Lock(ctx); !errors.Is(err, inspect.ErrInspected) {
			return err
		}
	}
}

// round reads the queue once. It returns over if it has read all dead letters, has begun
// with want of them, or has ended by its time although all have failed.
func (s *sweep) round(ctx context.Context, want int) (over bool, err error) {
	s.result.Skipped, s.result.Newer, s.result.Failed, s.failures = 0, 0, 0, nil
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r := &round{sweep: s, want: want, stop: stop, flight: newFlight(ctx), began: time.Now(), before: s.result.Done}
	read := s.inspection.Take
	if s.dry {
		read = s.inspection.Read
	}
	for n := s.result.Total - s.result.Done; n > 0 && !r.full && err == nil; {
		before := r.newer
		err = read(ctx, n, func(h *inspect.Held) (bool, error) { return r.take(ctx, h) })
		n = r.newer - before // messages that arrived later may be delivered first, by their priority
		r.cut = s.inspection.Cut()
		r.full = r.full || r.cut
	}
	r.flight.wait()
	if err == nil {
		err = context.Cause(ctx)
	}
	switch {
	case !r.full || r.want == 0:
		return true, err
	case err == nil && !r.cut && s.result.Done == r.before: // the next round would be the same
		return true, fmt.Errorf("deadletter: queue %s: %w", s.queue, errNoProgress)
	}
	return false, err
}

type round struct {
	*sweep
	want   int // the number of dead letters still to begin with
	newer  int
	full   bool // the round ended before it had read all
	cut    bool // the next dead letters are too large to read in this round
	flight *flight
	stop   context.CancelCauseFunc
	began  time.Time
	before int       // dead letters done before this round
	first  time.Time // when this round had done its first dead letter
}

// long reports whether messages have been held long enough. A slow round lasts at least
// four times as long as finding its first dead letter and requeueing the rest took.
func (r *round) long() bool {
	now := time.Now()
	if held := now.Sub(r.began); !r.slow || held > maxHold {
		return held > maxHold
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.first.IsZero() && r.result.Done > r.before {
		r.first = now
	}
	return !r.first.IsZero() && now.Sub(r.first) > max(slowHold, 4*(r.first.Sub(r.began)+r.returns))
}

// take reads one dead letter, and begins the work on it if it matches the filter.
func (r *round) take(ctx context.Context, h *inspect.Held) (more bool, err error) {
	deadLetter := open(r.queue, h)
	switch {
	case r.arrivedLater(&deadLetter):
		r.newer++
		r.count(func(res *Result) { res.Newer++ })
		return true, nil
	case !r.filter.Matches(&deadLetter):
		r.count(func(res *Result) { res.Skipped++ })
		return true, nil
	}
	if err := r.pace.Wait(ctx); err != nil {
		return false, cmp.Or(context.Cause(ctx), err)
	}
	wait, err := r.act(ctx, &deadLetter)
	if ctx.Err() != nil && err != nil {
		return false, context.Cause(ctx)
	}
	r.begin(deadLetter.ID, h, wait, err)
	r.want--
	r.full = r.want == 0 || !r.dry && r.long()
	return !r.full, nil
}

// arrivedLater reports whether the dead letter arrived after the call, or was replayed by it.
// A time ahead of this machine's clock, by the clock of another, does not tell.
func (r *round) arrivedLater(l *DeadLetter) bool {
	now := time.Now()
	return slices.ContainsFunc([]time.Time{l.FailedAt, l.ReplayedAt}, func(at time.Time) bool {
		return at.After(r.cutoff) && !at.After(now)
	})
}

// begin has the flight settle the dead letter when the outcome of its message is known.
func (r *round) begin(id string, h *inspect.Held, wait func(context.Context) error, err error) {
	switch {
	case err != nil:
		r.fail(id, err)
	case wait == nil:
		r.done()
	default:
		r.flight.add(sent{wait: wait, settle: func(err error) { r.settle(id, h, err) }})
	}
}

// settle removes the dead letter if its message was confirmed.
func (r *round) settle(id string, h *inspect.Held, err error) {
	if err == nil {
		err = h.Ack()
	}
	if err != nil {
		r.fail(id, err)
		return
	}
	r.done()
}

func (r *round) done() { r.count(func(res *Result) { res.Done++ }) }

// fail counts an error of one dead letter. It stops the sweep if the error would occur
// with the next one too.
func (r *round) fail(id string, err error) {
	r.count(func(res *Result) { res.Failed++ })
	err = fmt.Errorf("deadletter: message %s of queue %s: %w", id, r.queue, err)
	if !concernsOneMessage(err) {
		r.stop(err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.failures) < maxFailures {
		r.failures = append(r.failures, err)
	}
}

func (s *sweep) count(change func(*Result)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.result)
	if s.progress != nil {
		s.progress(s.result)
	}
}
