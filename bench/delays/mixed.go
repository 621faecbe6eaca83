package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"syscall"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/bench/internal/machine"
	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/topology"
)

// peak samples the memory of a process until stop is called.
type peak struct {
	pid, before, most int
	done              chan struct{}
	ended             sync.WaitGroup
}

func watch(pid int) *peak {
	p := &peak{pid: pid, before: machine.Memory(pid), done: make(chan struct{})}
	p.ended.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			p.most = max(p.most, machine.Memory(pid))
			select {
			case <-p.done:
				return
			case <-tick.C:
			}
		}
	})
	return p
}

// String returns the memory before, at its peak, and now.
func (p *peak) String() string {
	close(p.done)
	p.ended.Wait()
	return fmt.Sprintf("%d before, at most %d, %d after", p.before, p.most, machine.Memory(p.pid))
}

// magnitudes are the upper ends of the rows of mixed.
var magnitudes = []time.Duration{time.Second, 10 * time.Second, 72 * time.Second, math.MaxInt64}

// mixed publishes messages with delays from 0.3 s to o.most, as many in each magnitude.
func mixed(ctx context.Context, n *node, o options) error {
	delays, late := make([]time.Duration, o.n), make([]lateness, len(magnitudes))
	a := &arrivals{times: make([]int, o.n)}
	a.each = func(i int, d time.Duration) {
		for k, most := range magnitudes {
			if delays[i] < most {
				late[k].add(d)
				break
			}
		}
	}
	for i := range delays {
		const least = 300 * time.Millisecond
		delays[i] = time.Duration(float64(least) * math.Pow(float64(o.most)/float64(least), rand.Float64()))
	}
	p, err := spawn(n.url, a)
	if err != nil {
		return err
	}
	worker, rabbitmq := watch(p.cmd.Process.Pid), watch(n.pid)
	began := time.Now()
	err = publishDelayed(ctx, n, o.n, func(i int) time.Duration { return delays[i] })
	published := time.Since(began)
	a.wait(ctx, o.most+time.Minute)
	came, duplicates := a.count()
	sayf("%d messages with delays from 300ms to %v, published in %v: %d lost, %d duplicates", o.n, o.most, published.Round(time.Millisecond), o.n-came, duplicates)
	sayf("memory in MiB: the active consumer %v; RabbitMQ %v", worker, rabbitmq)
	var rows [][]any
	for k := range late {
		rows = append(rows, []any{magnitudes[k], late[k].count(), &late[k], late[k].at(100), late[k].early()})
	}
	rows[len(rows)-1][0] = o.most
	return errors.Join(err, show("delays under | messages | late p50/p99 ms | latest | early", rows...), p.signal(syscall.SIGTERM), dropChild(n))
}

// publishDelayed publishes messages in batches.
func publishDelayed(ctx context.Context, n *node, messages int, delay func(int) time.Duration) error {
	pub := publisher(n)
	var err error
	for from := 0; from < messages && err == nil; from += window {
		items := make([]broker.Item, 0, window)
		for i := from; i < min(from+window, messages); i++ {
			d := delay(i)
			b := dueBody(i, d, time.Now().Add(d))
			items = append(items, broker.Item{Key: "key", Body: b, Options: []broker.Option{broker.WithDelay(d), broker.WithCodec(handler.Raw())}})
		}
		err = pub.PublishBatch(ctx, items...)
	}
	return errors.Join(err, pub.Close())
}

// far publishes messages with a delay of ten hours and waits until a level holds them.
func far(ctx context.Context, n *node, o options) error {
	const delay = 10 * time.Hour
	p, err := spawn(n.url, &arrivals{times: make([]int, o.n)})
	if err != nil {
		return err
	}
	conn, err := amqp.Dial(n.url)
	if err != nil {
		return errors.Join(err, p.signal(syscall.SIGTERM))
	}
	level := topology.LevelName(topology.Level(delay - time.Minute))
	worker, rabbitmq, disk, began := watch(p.cmd.Process.Pid), watch(n.pid), n.disk(), time.Now()
	err = publishDelayed(ctx, n, o.n, func(int) time.Duration { return delay })
	published := time.Since(began)
	parked := awaitMessages(ctx, conn, level, o.n)
	took := time.Since(began)
	used := machine.CPU(n.pid)
	idle := time.Now()
	<-time.After(10 * time.Second)
	busy := float64((machine.CPU(n.pid) - used).Milliseconds()) / time.Since(idle).Seconds()
	err = errors.Join(err, show("parked | of | published in | parked in | worker MiB | RabbitMQ MiB | disk MiB | RabbitMQ CPU ms/s after",
		[]any{parked, o.n, published, took, worker, rabbitmq, fmt.Sprintf("%d before, %d after", disk, n.disk()), busy}))
	return errors.Join(err, conn.Close(), p.signal(syscall.SIGTERM), n.drop([]string{level}, []string{level}), dropChild(n))
}

// awaitMessages waits until a queue has want messages or ctx is done, and returns how many it
// has.
func awaitMessages(ctx context.Context, conn *amqp.Connection, queue string, want int) (have int) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for have < want {
		select {
		case <-ctx.Done():
			return have
		case <-tick.C:
		}
		ch, err := conn.Channel()
		if err != nil {
			return have
		}
		if q, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil); err == nil {
			have = q.Messages
		}
		_ = ch.Close() // an error has closed it
	}
	return have
}
