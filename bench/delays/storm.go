package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/bench/internal/machine"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/topology"
)

const (
	goroutines = 16
	bodySize   = 200
	window     = 1000
	// stalled is how long a storm waits for the next message.
	stalled = time.Minute
)

// report is what a design calls for each attempt: its number, the message's body, and when
// the attempt before it failed. It returns the delay of the retry; zero after the second.
type report func(attempt int, body []byte, failed time.Time) time.Duration

// design retries the messages of a queue. Start declares and consumes the queue.
type design interface {
	start(ctx context.Context, queue string, each report) (stop func() error, err error)
	remove(queues ...string) error
}

// storm is a number of messages that each fail once.
type storm struct {
	node   *node
	n      int
	feed   int // the most messages in the work queue before their first attempt
	delay  time.Duration
	equal  bool          // all delays are equal, instead of ±20 percent
	open   chan struct{} // closed when the handlers may begin
	begun  chan struct{} // one token for each message before its first attempt
	handed atomic.Int64  // messages after their first attempt
	came   atomic.Int64
	late   lateness

	mu                          sync.Mutex
	start, lastOut, firstIn, in time.Time
}

// body returns the body of message i, which contains its delay.
func body(i int, delay time.Duration) []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, bodySize), uint64(i))
	b = binary.BigEndian.AppendUint64(b, uint64(delay))
	return b[:bodySize]
}

func delayOf(body []byte) time.Duration { return time.Duration(binary.BigEndian.Uint64(body[8:])) }

// spread returns d ±20 percent.
func spread(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}

func (s *storm) each(attempt int, body []byte, failed time.Time) time.Duration {
	<-s.open
	now, d := time.Now(), delayOf(body)
	if attempt == 1 {
		select {
		case <-s.begun:
		default: // it was delivered again
		}
		s.handed.Add(1)
	} else {
		s.late.add(now.Sub(failed) - d)
		s.came.Add(1)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if attempt == 1 {
		s.lastOut = now
		return d
	}
	if s.firstIn.IsZero() {
		s.firstIn = now
	}
	s.in = now
	return 0
}

// publish publishes the messages to the work queue. The handlers begin at once; or when all
// are in the queue, if the queue may hold all of them.
func (s *storm) publish(ctx context.Context, conn *amqp.Connection, queue string) error {
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	if err := ch.Confirm(false); err != nil {
		return err
	}
	begin := sync.OnceFunc(func() { s.start = time.Now(); close(s.open) })
	if s.feed < s.n {
		begin()
	}
	_, err = publishConfirmed(ctx, ch, queue, s.n, func(i int) []byte {
		s.begun <- struct{}{}
		if s.equal {
			return body(i, s.delay)
		}
		return body(i, spread(s.delay))
	})
	begin()
	return errors.Join(err, ch.Close())
}

// wait waits until all messages have come back, or none was handled for a minute.
func (s *storm) wait(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	before, since := int64(0), time.Now()
	for time.Since(since) < stalled+2*s.delay {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
		if s.came.Load() >= int64(s.n) {
			return nil
		}
		if now := s.came.Load() + s.handed.Load(); now != before {
			before, since = now, time.Now()
		}
	}
	return nil
}

// measured is the result of a storm.
type measured struct {
	handOver, back float64 // messages a second
	storm, other   *lateness
	cpu            time.Duration // of the broker for each message
	n, lost        int
}

// run measures one design.
func (s *storm) run(ctx context.Context, d design) (m measured, err error) {
	queue, other := "bench-storm", "bench-bystander"
	b := &bystander{late: new(lateness)}
	stopStorm, err := d.start(ctx, queue, s.each)
	if err != nil {
		return m, err
	}
	stopOther, err := d.start(ctx, other, b.each)
	if err != nil {
		return m, errors.Join(err, stopStorm())
	}
	conn, err := amqp.Dial(s.node.url)
	if err != nil {
		return m, errors.Join(err, stopStorm(), stopOther())
	}
	used := machine.CPU(s.node.pid)
	err = s.perform(ctx, conn, queue, other, b)
	m = measured{n: s.n, storm: &s.late, other: b.late, lost: s.n - int(s.came.Load()), cpu: (machine.CPU(s.node.pid) - used) / time.Duration(max(s.n, 1))}
	m.handOver = float64(s.handed.Load()) / s.lastOut.Sub(s.start).Seconds()
	m.back = float64(s.came.Load()) / s.in.Sub(s.firstIn).Seconds()
	return m, errors.Join(err, conn.Close(), stopStorm(), stopOther(), d.remove(queue, other))
}

func (s *storm) perform(ctx context.Context, conn *amqp.Connection, queue, other string, b *bystander) error {
	beside, stop := context.WithCancel(ctx)
	failed := make(chan error, 1)
	go func() { failed <- b.publish(beside, conn, other, s.delay) }()
	err := s.publish(ctx, conn, queue)
	if err == nil {
		err = s.wait(ctx)
	}
	b.over.Store(true)
	stop()
	return errors.Join(err, <-failed)
}

// bystander is a queue with 50 messages a second that each fail once.
type bystander struct {
	late *lateness
	over atomic.Bool
}

func (b *bystander) each(attempt int, body []byte, failed time.Time) time.Duration {
	d := delayOf(body)
	if attempt == 1 {
		return d
	}
	if !b.over.Load() {
		b.late.add(time.Since(failed) - d)
	}
	return 0
}

func (b *bystander) publish(ctx context.Context, conn *amqp.Connection, queue string, delay time.Duration) error {
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	tick := time.NewTicker(time.Second / 50)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		p := amqp.Publishing{DeliveryMode: amqp.Persistent, Body: body(i, delay)}
		if err := ch.PublishWithContext(context.WithoutCancel(ctx), "", queue, true, false, p); err != nil {
			return err
		}
	}
}

// storms measures the ladder and the parking queues, each twice: with all messages in the work
// queue when the handlers begin, which shows the hand-over; and with a short work queue, which
// shows the return, because messages that come back do not wait behind first attempts. A plain
// window is measured before and after each.
func storms(ctx context.Context, n *node, o options) error {
	var rows [][]any
	ladderCPU := make(map[int]time.Duration) // by feed
	plain, plainCPU, err := plainWindow(ctx, n)
	for _, feed := range []int{o.n, o.feed} {
		for _, d := range designs(n, o) {
			if err != nil {
				return fmt.Errorf("%s: %w", d.name, err)
			}
			s := &storm{node: n, n: o.n, feed: feed, delay: o.delay, equal: d.equal, open: make(chan struct{}), begun: make(chan struct{}, feed)}
			var m measured
			if m, err = s.run(ctx, d.design); err != nil {
				continue
			}
			before := plain
			plain, _, err = plainWindow(ctx, n)
			if d.name == "ladder" {
				ladderCPU[feed] = m.cpu
			}
			rows = append(rows, m.row(d.name, feed, (before+plain)/2, ladderCPU[feed]))
		}
	}
	sayf("%d retries of %v ±20 %%, %d goroutines, bystander 50/s; a plain publish costs the broker %d µs", o.n, o.delay, goroutines, plainCPU.Microseconds())
	return errors.Join(err, show("design | work queue | plain/s | handed over/s | ÷ plain | back/s | ÷ handed over | storm late p50/p99 ms | bystander late p50/p99 ms | broker CPU µs | ÷ ladder | early | lost", rows...))
}

func (m measured) row(name string, feed, plain int, ladder time.Duration) []any {
	row := []any{
		name, fmt.Sprintf("at most %d", feed), plain, int(m.handOver), m.handOver / float64(plain), int(m.back), m.back / m.handOver,
		m.storm, m.other, int(m.cpu.Microseconds()), "–", m.storm.early() + m.other.early(), m.lost,
	}
	if ladder > 0 {
		row[10] = float64(m.cpu) / float64(ladder)
	}
	if feed >= m.n { // what comes back waits behind first attempts
		row[5], row[6], row[7] = "–", "–", "–"
	}
	return row
}

type named struct {
	name   string
	design design
	equal  bool // it has no random delays
}

func designs(n *node, o options) (all []named) {
	if o.ladder {
		all = append(all, named{name: "ladder", design: &ladder{node: n}})
	}
	all = append(all, named{name: "parking queue", design: &warren{node: n, prefetch: o.prefetch}})
	if o.native {
		all = append(all, named{name: "native", design: &native{warren: warren{node: n, prefetch: o.prefetch}, delay: o.delay}, equal: true})
	}
	return all
}

// plainWindow publishes confirmed messages to a quorum queue, and returns their rate and the
// CPU time of the broker for each.
func plainWindow(ctx context.Context, n *node) (perSecond int, each time.Duration, err error) {
	conn, err := amqp.Dial(n.url)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, conn.Close(), n.drop([]string{"bench-plain"}, nil)) }()
	ch, err := conn.Channel()
	if err != nil {
		return 0, 0, err
	}
	_, err = ch.QueueDeclare("bench-plain", true, false, false, false, amqp.Table{"x-queue-type": topology.Quorum})
	if err := errors.Join(err, ch.Confirm(false)); err != nil {
		return 0, 0, err
	}
	const messages = 20_000
	used := machine.CPU(n.pid)
	took, err := publishConfirmed(ctx, ch, "bench-plain", messages, func(i int) []byte { return body(i, 0) })
	perSecond = int(float64(messages) / took.Seconds())
	return perSecond, (machine.CPU(n.pid) - used) / time.Duration(messages), err
}

// publishConfirmed publishes messages with a window of unconfirmed ones.
func publishConfirmed(ctx context.Context, ch *amqp.Channel, queue string, messages int, body func(int) []byte) (time.Duration, error) {
	began := time.Now()
	confirms := make([]*amqp.DeferredConfirmation, 0, messages)
	for i := range messages {
		if i >= window && !confirms[i-window].Wait() {
			return 0, errors.New("the broker refused a message")
		}
		c, err := ch.PublishWithDeferredConfirmWithContext(ctx, "", queue, true, false, amqp.Publishing{DeliveryMode: amqp.Persistent, Body: body(i)})
		if err != nil {
			return 0, err
		}
		confirms = append(confirms, c)
	}
	for _, c := range confirms[max(messages-window, 0):] {
		c.Wait()
	}
	return time.Since(began), nil
}

// ladderNames are the queues and exchanges of the delay ladder.
func ladderNames() (names []string) {
	for k := range 23 {
		names = append(names, rabbit.LadderLevel(k))
	}
	return names
}
