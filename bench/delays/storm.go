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
	feed   int
	delay  time.Duration
	begun  chan struct{} // one token for each message that may be in its first attempt
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
	now, d := time.Now(), delayOf(body)
	if attempt == 1 {
		select {
		case <-s.begun:
		default: // it was delivered again
		}
		s.handed.Add(1)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.lastOut = now
		return d
	}
	s.late.add(now.Sub(failed) - d)
	s.came.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.firstIn.IsZero() {
		s.firstIn = now
	}
	s.in = now
	return 0
}

// publish keeps feed messages in the work queue, so that messages that come back do not wait
// behind first attempts.
func (s *storm) publish(ctx context.Context, ch *amqp.Channel, queue string) error {
	s.start = time.Now()
	for i := range s.n {
		select {
		case s.begun <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		p := amqp.Publishing{DeliveryMode: amqp.Persistent, Body: body(i, spread(s.delay))}
		if err := ch.PublishWithContext(ctx, "", queue, true, false, p); err != nil {
			return err
		}
	}
	return nil
}

// wait waits until all messages have come back, or none has come for a minute.
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
		came := s.came.Load()
		if came >= int64(s.n) {
			return nil
		}
		if came != before {
			before, since = came, time.Now()
		}
	}
	return nil
}

// measured is the result of a storm.
type measured struct {
	handOver, back float64 // messages a second
	storm, other   *lateness
	cpu            time.Duration // of the broker for each message
	lost           int
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
	used := cpu(s.node.pid)
	err = s.perform(ctx, conn, queue, other, b)
	m = measured{storm: &s.late, other: b.late, lost: s.n - int(s.came.Load()), cpu: (cpu(s.node.pid) - used) / time.Duration(max(s.n, 1))}
	m.handOver = float64(s.handed.Load()) / s.lastOut.Sub(s.start).Seconds()
	m.back = float64(s.came.Load()) / s.in.Sub(s.firstIn).Seconds()
	return m, errors.Join(err, conn.Close(), stopStorm(), stopOther(), d.remove(queue, other))
}

func (s *storm) perform(ctx context.Context, conn *amqp.Connection, queue, other string, b *bystander) error {
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	beside, stop := context.WithCancel(ctx)
	var publishing sync.WaitGroup
	failed := make(chan error, 1)
	publishing.Go(func() { failed <- b.publish(beside, conn, other, s.delay) })
	err = s.publish(ctx, ch, queue)
	if err == nil {
		err = s.wait(ctx)
	}
	b.over.Store(true)
	stop()
	publishing.Wait()
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

// storms measures the plain window, the ladder and the parking queues.
func storms(ctx context.Context, n *node, o options) error {
	plain, plainCPU, err := plainWindow(ctx, n, max(o.n, 20_000))
	if err != nil {
		return err
	}
	rows := [][]any{{"plain window, publish only", plain, 1.0, "", "", "", "", plainCPU, "", ""}}
	var ladderCPU time.Duration
	for _, d := range designs(n, o) {
		s := &storm{node: n, n: o.n, feed: o.feed, delay: o.delay, begun: make(chan struct{}, o.feed)}
		m, err := s.run(ctx, d.design)
		if err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
		ratio := any("")
		if d.name == "ladder" {
			ladderCPU = m.cpu
		} else if ladderCPU > 0 {
			ratio = float64(m.cpu) / float64(ladderCPU)
		}
		rows = append(rows, []any{
			d.name, int(m.handOver), m.handOver / float64(plain), int(m.back), m.back / m.handOver,
			m.storm, m.other, int(m.cpu.Microseconds()), ratio, m.lost,
		})
	}
	rows[0][7] = int(plainCPU.Microseconds())
	sayf("%d retries of %v ±20 %%, %d goroutines, bystander 50/s", o.n, o.delay, goroutines)
	return show("design | handed over/s | ÷ plain | back/s | ÷ handed over | storm late p50/p99 ms | bystander late p50/p99 ms | broker CPU µs | ÷ ladder | lost", rows...)
}

type named struct {
	name   string
	design design
}

func designs(n *node, o options) (all []named) {
	if o.ladder {
		all = append(all, named{"ladder", &ladder{node: n}})
	}
	return append(all, named{"parking queue", &warren{node: n}})
}

// plainWindow publishes confirmed messages to a quorum queue, and returns their rate and the
// CPU time of the broker for each.
func plainWindow(ctx context.Context, n *node, messages int) (perSecond int, each time.Duration, err error) {
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
	used, began := cpu(n.pid), time.Now()
	confirms := make([]*amqp.DeferredConfirmation, 0, messages)
	for i := range messages {
		if i >= window && !confirms[i-window].Wait() {
			return 0, 0, errors.New("the broker refused a message")
		}
		c, err := ch.PublishWithDeferredConfirmWithContext(ctx, "", "bench-plain", true, false, amqp.Publishing{DeliveryMode: amqp.Persistent, Body: body(i, 0)})
		if err != nil {
			return 0, 0, err
		}
		confirms = append(confirms, c)
	}
	confirms[messages-1].Wait()
	perSecond = int(float64(messages) / time.Since(began).Seconds())
	return perSecond, (cpu(n.pid) - used) / time.Duration(messages), nil
}

// ladderNames are the queues and exchanges of the delay ladder.
func ladderNames() (names []string) {
	for k := range 23 {
		names = append(names, rabbit.LadderLevel(k))
	}
	return names
}
