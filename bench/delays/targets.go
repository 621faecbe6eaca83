package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

const healthy, fullQueue = "bench-healthy", "bench-full"

// targets measures how late delayed messages reach a healthy queue of an exchange: alone, and
// while o.n messages to a full queue, a deleted queue and without a queue are due.
func targets(ctx context.Context, n *node, o options) error {
	conn, err := amqp.Dial(n.url)
	if err != nil {
		return err
	}
	var late lateness
	stop, err := runWorker(ctx, n.url, worker.Queue{Name: healthy, Exchange: childExchange, Concurrency: goroutines}, "healthy", handler.Func(func(_ context.Context, m *message.Message) error {
		_, due := arrival(m)
		late.add(time.Since(due))
		return nil
	}))
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	err = bindTargets(conn)
	var rows [][]any
	for _, phase := range []struct {
		name string
		bad  int
	}{{"alone", 0}, {"beside a full, a deleted and an unbound target", o.n}} {
		if err != nil {
			break
		}
		late.all = nil
		var sent int
		sent, err = publishTargets(ctx, n, phase.bad)
		rows = append(rows, []any{phase.name, phase.bad, sent, sent - late.count(), &late, late.at(100)})
		rows[len(rows)-1][4] = late.String()
	}
	err = errors.Join(err, show("healthy target | messages to the others | its messages | lost | late p50/p99 ms | latest", rows...))
	return errors.Join(err, stop(), conn.Close(), n.drop([]string{
		healthy, fullQueue, topology.ParkingQueue(healthy), topology.DeadLetterQueue(healthy), topology.ExchangeParking(childExchange), topology.UnroutedQueue,
	}, []string{childExchange, topology.UnroutedQueue}))
}

// bindTargets binds a full queue to the exchange, and deletes the queue of the key deleted.
func bindTargets(conn *amqp.Connection) error {
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	const deleted = "bench-deleted"
	_, fullErr := ch.QueueDeclare(fullQueue, true, false, false, false, amqp.Table{"x-queue-type": topology.Quorum, "x-max-length": 1, "x-overflow": "reject-publish"})
	_, deletedErr := ch.QueueDeclare(deleted, true, false, false, false, amqp.Table{"x-queue-type": topology.Quorum})
	err = errors.Join(fullErr, deletedErr)
	for key, queue := range map[string]string{"full": fullQueue, "deleted": deleted} {
		err = errors.Join(err, ch.QueueBind(queue, key, childExchange, false, nil))
	}
	_, deletedErr = ch.QueueDelete(deleted, false, false, false)
	return errors.Join(err, deletedErr, ch.Close())
}

// publishTargets publishes bad messages to targets that refuse them, and 100 messages a
// second to the healthy target for 40 s, which is longer than a missing target is tried.
func publishTargets(ctx context.Context, n *node, bad int) (sent int, err error) {
	const delay, rate, seconds = time.Second, 100, 40
	pub := publisher(n)
	publish := func(i int, key string) error {
		return pub.Publish(ctx, key, dueBody(i, delay, time.Now().Add(delay)), broker.WithDelay(delay), broker.WithCodec(handler.Raw()))
	}
	others := make(chan error, 1)
	go func() { others <- publishOthers(ctx, pub, bad, delay) }()
	tick := time.NewTicker(time.Second / rate)
	defer tick.Stop()
	for ; sent < rate*seconds && err == nil; sent++ {
		select {
		case <-tick.C:
			err = publish(sent, "healthy")
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	<-time.After(delay + 2*time.Second)
	return sent, errors.Join(err, <-others, pub.Close())
}

func publishOthers(ctx context.Context, pub *broker.Publisher, bad int, delay time.Duration) error {
	for from := 0; from < bad; from += window {
		items := make([]broker.Item, 0, window)
		for i := from; i < min(from+window, bad); i++ {
			items = append(items, broker.Item{Key: []string{"full", "deleted", "unbound"}[i%3], Body: i, Options: []broker.Option{broker.WithDelay(delay)}})
		}
		if err := pub.PublishBatch(ctx, items...); err != nil {
			return fmt.Errorf("to the other targets: %w", err)
		}
	}
	return nil
}

// freeze stops a process as a machine that stands still would, and lets it go on.
func freeze(p *process, d time.Duration) error {
	err := p.signal(syscall.SIGSTOP)
	<-time.After(d)
	return errors.Join(err, p.signal(syscall.SIGCONT))
}
