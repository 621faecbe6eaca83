package console

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/warren-mq/warren/deadletter"
)

// Bounds of what one read of a dead-letter queue takes, and of what is kept of it.
const (
	readFirst = 2_000    // dead letters: reading this number does not change their order
	readMost  = 50_000   // dead letters of a read in the background
	readBytes = 64 << 20 // of bodies, after which a read ends
	readTime  = 20 * time.Second
	findTime  = 50 * time.Second // for one dead letter, which may be the last of many
	freshFor  = 15 * time.Second
	deepFor   = 10 * time.Minute // a read in the background is kept for longer
	maxReads  = 12               // that are kept
	maxGroups = 500
	trend     = 24 // bars of a chart
)

// row is a dead letter in a list, without its body.
type row struct {
	ID          string    `json:"id"`
	Key         string    `json:"routing_key"`
	Reason      string    `json:"reason"`
	Error       string    `json:"error"`
	Fingerprint string    `json:"fingerprint"`
	Attempts    int       `json:"attempts"`
	FailedAt    time.Time `json:"failed_at,omitzero"`
	Bytes       int       `json:"bytes"`
	Replayed    bool      `json:"replayed,omitempty"` // it was replayed before, and failed again
}

// group is the dead letters of one kind of failure.
type group struct {
	Fingerprint string    `json:"fingerprint"`
	Count       int       `json:"count"`
	First       time.Time `json:"first,omitzero"`
	Last        time.Time `json:"last,omitzero"`
	Reason      string    `json:"reason"`
	Error       string    `json:"error"` // of the latest dead letter
	ErrorType   string    `json:"error_type,omitempty"`
	Example     string    `json:"example"` // id of the latest dead letter
	Keys        []string  `json:"routing_keys"`
	Replayed    int       `json:"replayed,omitempty"` // of them were replayed before
	Trend       []int     `json:"trend,omitempty"`    // failures over time, from the first of all groups to the last
}

// sample of a dead-letter queue: what a read has found.
type letters struct {
	Queue  string    `json:"queue"`
	Filter string    `json:"filter,omitempty"`
	At     time.Time `json:"at"`
	Read   int       `json:"read"`    // dead letters that were read
	Match  int       `json:"matched"` // of them match the filter
	All    bool      `json:"all"`     // the whole queue was read
	Groups []group   `json:"groups"`
	Others int       `json:"other_kinds,omitempty"` // dead letters of kinds beyond the first 500
	rows   []row
	bytes  int
	times  map[string][]int64 // failures of each group, in Unix seconds
	deep   bool
}

// take adds a dead letter.
func (s *letters) take(l *deadletter.DeadLetter, groups map[string]*group) {
	s.Match++
	s.rows = append(s.rows, row{
		ID: l.ID, Key: line(l.Message.RoutingKey), Reason: line(l.Reason), Error: line(l.Error), Fingerprint: l.Fingerprint,
		Attempts: l.Attempts, FailedAt: l.FailedAt, Bytes: len(l.Message.Body), Replayed: !l.ReplayedAt.IsZero(),
	})
	g := groups[l.Fingerprint]
	if g == nil {
		if len(groups) >= maxGroups {
			s.Others++
			return
		}
		g = &group{Fingerprint: l.Fingerprint, First: l.FailedAt}
		groups[l.Fingerprint] = g
	}
	g.take(l)
	if !l.FailedAt.IsZero() {
		s.times[l.Fingerprint] = append(s.times[l.Fingerprint], l.FailedAt.Unix())
	}
}

func (g *group) take(l *deadletter.DeadLetter) {
	g.Count++
	if !l.ReplayedAt.IsZero() {
		g.Replayed++
	}
	if g.First.IsZero() || !l.FailedAt.IsZero() && l.FailedAt.Before(g.First) {
		g.First = l.FailedAt
	}
	if !l.FailedAt.Before(g.Last) {
		g.Last, g.Reason, g.Error, g.ErrorType, g.Example = l.FailedAt, line(l.Reason), line(l.Error), line(l.ErrorType), l.ID
	}
	if key := line(l.Message.RoutingKey); len(g.Keys) < 5 && !slices.Contains(g.Keys, key) {
		g.Keys = append(g.Keys, key)
	}
}

// finish sorts the groups and draws their trends.
func (s *letters) finish(groups map[string]*group) {
	var first, last int64
	for _, times := range s.times {
		for _, t := range times {
			if first == 0 || t < first {
				first = t
			}
			last = max(last, t)
		}
	}
	width := max((last-first)/trend+1, 1)
	s.Groups = []group{}
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		g := groups[name]
		g.Trend = make([]int, trend)
		for _, t := range s.times[name] {
			g.Trend[min((t-first)/width, trend-1)]++
		}
		s.Groups = append(s.Groups, *g)
	}
	s.times = nil
	slices.SortStableFunc(s.Groups, func(a, b group) int { return cmp.Compare(b.Count, a.Count) })
}

// errEnough ends a read.
var errEnough = errors.New("enough was read")

// readLetters reads up to most dead letters, and keeps those that match the filter.
func (c *Console) readLetters(ctx context.Context, queue, filter string, most int, progress func(int)) (*letters, error) {
	f, err := deadletter.ParseFilter(filter)
	if err != nil {
		return nil, invalid(err)
	}
	s := &letters{Queue: queue, Filter: filter, All: true, times: make(map[string][]int64)}
	groups := make(map[string]*group)
	err = c.client.Read(ctx, queue, deadletter.Filter{Limit: most + 1}, func(l deadletter.DeadLetter) error {
		if s.Read == most || s.bytes > readBytes || f.Limit > 0 && s.Match == f.Limit {
			s.All = false
			return errEnough
		}
		s.Read++
		s.bytes += len(l.Message.Body)
		if f.Matches(&l) {
			s.take(&l, groups)
		}
		if progress != nil {
			progress(s.Read)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	s.At = time.Now()
	s.finish(groups)
	return s, nil
}

// reads are the latest reads of dead-letter queues.
type reads struct {
	mu    sync.Mutex
	all   []*letters               // the latest first
	queue map[string]chan struct{} // holds a token while a queue is read
}

// get returns a read that is recent, or nil.
func (r *reads) get(queue, filter string) *letters {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.all {
		kept := freshFor
		if s.deep {
			kept = deepFor
		}
		if s.Queue == queue && s.Filter == filter && time.Since(s.At) < kept {
			return s
		}
	}
	return nil
}

func (r *reads) put(s *letters) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = slices.DeleteFunc(r.all, func(o *letters) bool { return o.Queue == s.Queue && o.Filter == s.Filter })
	r.all = append([]*letters{s}, r.all...)
	r.all = r.all[:min(len(r.all), maxReads)]
}

// forget drops the reads of a queue, whose dead letters have changed.
func (r *reads) forget(queue string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = slices.DeleteFunc(r.all, func(o *letters) bool { return o.Queue == queue })
}

// lock waits until no other request reads the queue. Package deadletter would refuse the second
// one after 10 s.
func (r *reads) lock(ctx context.Context, queue string) (unlock func(), err error) {
	r.mu.Lock()
	if r.queue == nil {
		r.queue = make(map[string]chan struct{})
	}
	held := r.queue[queue]
	if held == nil {
		held = make(chan struct{}, 1)
		r.queue[queue] = held
	}
	r.mu.Unlock()
	select {
	case held <- struct{}{}:
		return func() { <-held }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// sampleOf returns a recent read of the queue, or reads the beginning of the queue.
func (c *Console) sampleOf(ctx context.Context, queue, filter string, fresh bool) (*letters, error) {
	if s := c.reads.get(queue, filter); s != nil && !fresh {
		return s, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, readTime, errSlowRead)
	defer cancel()
	unlock, err := c.reads.lock(ctx, queue)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if s := c.reads.get(queue, filter); s != nil && !fresh {
		return s, nil // another request has read it meanwhile
	}
	s, err := c.readLetters(ctx, queue, filter, readFirst, nil)
	if err == nil {
		c.reads.put(s)
	}
	return s, err
}

var errSlowRead = errors.New("console: reading the dead letters took too long; another action may be using the queue")
