package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/outbox"
)

const publishers = keys // goroutines of each mode; each publishes its numbers in order

// load publishes numbered messages. A message counts as sent when its publish was confirmed or
// its transaction was committed; a failed one is repeated.
type load struct {
	pub   *broker.Publisher
	db    *sql.DB // nil without the mode outbox
	began time.Time
	ended time.Time

	mu    sync.Mutex
	sent  map[string]map[int]time.Time
	again map[string]map[int]int // publishes that failed, by mode and number
	last  time.Time              // of the latest confirm
	gap   time.Duration          // the longest time between two confirms
}

// newLoad returns a load whose first connection goes to the first URL.
func newLoad(ctx context.Context, dir string, all []mode) (l *load, err error) {
	c, err := brokerConfig(dir)
	if err != nil {
		return nil, err
	}
	l = &load{sent: make(map[string]map[int]time.Time), again: make(map[string]map[int]int)}
	for _, m := range all {
		l.sent[m.name], l.again[m.name] = make(map[int]time.Time), make(map[int]int)
		if m.name == "outbox" {
			if l.db, err = openOutbox(dir); err != nil {
				return nil, err
			}
			if err := outbox.Migrate(ctx, l.db, outbox.SQLite); err != nil {
				return nil, err
			}
		}
	}
	reload := c.Reload
	c.Reload = func(ctx context.Context) (urls []string, c *tls.Config, err error) {
		urls, c, err = reload(ctx)
		if !l.connected() && len(urls) > 0 {
			urls = urls[:1]
		}
		return urls, c, err
	}
	l.pub = broker.NewPublisher(c, exchange)
	return l, nil
}

func (l *load) close() error {
	err := l.pub.Close()
	if l.db != nil {
		err = errors.Join(err, l.db.Close())
	}
	return err
}

// volume is how much is published: n messages of each mode within about the given time.
type volume struct {
	n      int
	during time.Duration
	seed   uint64 // of the delays
}

// publish publishes messages of each mode, and goes on at this rate until acted is closed, so
// that there are messages after a fault that took longer. Its goroutines end with ctx.
func (l *load) publish(ctx context.Context, all []mode, v volume, acted <-chan struct{}) error {
	l.began = time.Now()
	errs := make([]error, len(all)*publishers)
	var running sync.WaitGroup
	for k, m := range all {
		if m.name == "schedule" {
			continue
		}
		for first := range publishers {
			running.Go(func() {
				delays := rand.New(rand.NewPCG(v.seed, uint64(k*publishers+first)))
				for i := first; (i < v.n || !isClosed(acted)) && errs[k*publishers+first] == nil; i += publishers {
					wait(ctx, time.Until(l.began.Add(v.during*time.Duration(i)/time.Duration(v.n))))
					delay := time.Second + time.Duration(delays.Int64N(int64(2*time.Second)))
					errs[k*publishers+first] = l.send(ctx, m, i, delay)
				}
			})
		}
	}
	running.Wait()
	wait(ctx, time.Until(l.began.Add(v.during))) // for the schedule
	l.ended = time.Now()
	return cmp.Or(errs...) // all have the same cause
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// send repeats a publish until it succeeds.
func (l *load) send(ctx context.Context, m mode, number int, delay time.Duration) error {
	for {
		err := l.try(ctx, m, number, delay)
		if err == nil {
			l.confirm(m, number)
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		l.mu.Lock()
		l.again[m.name][number]++
		l.mu.Unlock()
		wait(ctx, 100*time.Millisecond)
	}
}

func (l *load) try(ctx context.Context, m mode, number int, delay time.Duration) error {
	if m.options == nil {
		return writeOutbox(ctx, l.db, m.name, body(number, delay))
	}
	return l.pub.Publish(ctx, m.name, body(number, delay), m.options(delay)...)
}

func (l *load) confirm(m mode, number int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.sent[m.name][number] = now
	if m.options == nil {
		return // not confirmed by the broker
	}
	if !l.last.IsZero() {
		l.gap = max(l.gap, now.Sub(l.last))
	}
	l.last = now
}

// connected reports whether the broker has confirmed a message.
func (l *load) connected() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.last.IsZero()
}

// wait waits for d, or until ctx is done.
func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
