package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/bench/internal/machine"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// idle measures what queues that have no messages cost: of a plain client, and of a worker.
func idle(ctx context.Context, n *node, o options) error {
	var rows [][]any
	row := func(name string, start func() (func() error, error)) error {
		began := time.Now()
		stop, err := start()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		took := time.Since(began)
		queues, exchanges, err := n.count()
		busy := n.idleCPU(ctx)
		rows = append(rows, []any{name, queues, exchanges, took, busy, machine.Memory(n.pid)})
		return errors.Join(err, stop())
	}
	nothing := func() (func() error, error) { return func() error { return nil }, nil }
	one := worker.Queue{Name: childQueue, Exchange: childExchange}
	err := n.clean()
	if err == nil {
		err = row("nothing", nothing)
	}
	for _, step := range []struct {
		name  string
		start func() (func() error, error)
	}{
		{"plain client, 1 quorum queue on an exchange", func() (func() error, error) { return plainQueues(n, 1, topology.Quorum, childExchange) }},
		{"worker, 1 quorum queue on an exchange", func() (func() error, error) { return workerQueues(ctx, n, one) }},
		{fmt.Sprintf("plain client, %d %s queues", o.n, o.kind), func() (func() error, error) { return plainQueues(n, o.n, o.kind, "") }},
		{fmt.Sprintf("worker, %d %s queues", o.n, o.kind), func() (func() error, error) { return workerQueues(ctx, n, many(o.n, o.kind)...) }},
		{"the same, started again", func() (func() error, error) { return workerQueues(ctx, n, many(o.n, o.kind)...) }},
	} {
		if err == nil {
			err = row(step.name, step.start)
		}
		if step.name != fmt.Sprintf("worker, %d %s queues", o.n, o.kind) { // the next step needs them
			err = errors.Join(err, n.clean())
		}
	}
	return errors.Join(err, show("what | queues | exchanges | started in | RabbitMQ CPU ms/s idle | RabbitMQ MiB", rows...))
}

func many(n int, kind string) (all []worker.Queue) {
	for i := range n {
		all = append(all, worker.Queue{Name: fmt.Sprintf("%s-%04d", childQueue, i), Type: kind})
	}
	return all
}

func workerQueues(ctx context.Context, n *node, queues ...worker.Queue) (stop func() error, err error) {
	w := newWorker(n.url)
	for _, q := range queues {
		w.Queue(q).Handle("#", handler.Func(func(context.Context, *message.Message) error { return nil }))
	}
	return start(ctx, w)
}

// plainQueues declares and consumes queues over one channel.
func plainQueues(n *node, queues int, kind, exchange string) (stop func() error, err error) {
	conn, err := amqp.Dial(n.url)
	if err != nil {
		return nil, err
	}
	ch, err := conn.Channel()
	if err == nil && exchange != "" {
		err = ch.ExchangeDeclare(exchange, "topic", true, false, false, false, nil)
	}
	for i := 0; i < queues && err == nil; i++ {
		name := fmt.Sprintf("%s-%04d", childQueue, i)
		if _, err = ch.QueueDeclare(name, true, false, false, false, amqp.Table{"x-queue-type": kind}); err != nil {
			break
		}
		if exchange != "" {
			err = ch.QueueBind(name, "#", exchange, false, nil)
		}
		if err == nil {
			_, err = ch.Consume(name, name, false, false, false, false, nil)
		}
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn.Close, nil
}

// count returns the number of queues, and of exchanges that are not the broker's own.
func (n *node) count() (queues, exchanges int, err error) {
	all, err := n.names("list_queues")
	if err != nil {
		return 0, 0, err
	}
	x, err := n.names("list_exchanges")
	return len(all), len(x), err
}

// names lists queues or exchanges.
func (n *node) names(command string) (names []string, err error) {
	out, err := n.script("ctl", command, "--quiet", "--no-table-headers", "name")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(out) {
		if name := strings.TrimSpace(line); name != "" && !strings.HasPrefix(name, "amq.") {
			names = append(names, name)
		}
	}
	return names, nil
}

// clean deletes all queues and exchanges of the node.
func (n *node) clean() error {
	queues, err := n.names("list_queues")
	if err != nil {
		return err
	}
	exchanges, err := n.names("list_exchanges")
	if err != nil {
		return err
	}
	return n.drop(queues, exchanges)
}

// idleCPU returns the CPU time that the node uses in a second when it has had 10 s to settle.
func (n *node) idleCPU(ctx context.Context) float64 {
	settle, measure := time.After(10*time.Second), 20*time.Second
	select {
	case <-settle:
	case <-ctx.Done():
	}
	used, began := machine.CPU(n.pid), time.Now()
	select {
	case <-time.After(measure):
	case <-ctx.Done():
	}
	return float64((machine.CPU(n.pid) - used).Milliseconds()) / time.Since(began).Seconds()
}
