package main

import (
	"context"
	"encoding/binary"
	"errors"
	"strconv"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/schedule"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

const (
	exchange = "chaos"
	bodySize = 200
	keys     = 16 // of ordered messages
)

var errFails = errors.New("fails as its mode wants")

// mode is a kind of messages, with a work queue of its own. Its name is the name of the
// queue and the routing key.
type mode struct {
	name   string
	queue  worker.Queue
	handle func(m *message.Message, write func(number int) error) error
	// options are the options of a publish. Nil means that the mode has another publisher.
	options func(delay time.Duration) []broker.Option
}

func modes() []mode {
	plain := func(time.Duration) []broker.Option { return nil }
	return []mode{
		{"plain", worker.Queue{}, once, plain},
		{"retry", worker.Queue{}, failOnce, plain},
		{"dead-letter", worker.Queue{}, failForGood, plain},
		{"delayed", worker.Queue{}, once, func(d time.Duration) []broker.Option { return []broker.Option{broker.WithDelay(d)} }},
		{"outbox", worker.Queue{}, once, nil},
		{"schedule", worker.Queue{}, tick, nil},
		{"classic", worker.Queue{Type: topology.Classic}, once, plain},
		{"ordered", worker.Queue{SingleActive: true, OrderBy: orderKey}, once, plain},
		{"partitions", worker.Queue{Partitions: 4, OrderBy: orderKey}, once, plain},
	}
}

func modeNames() (all []string) {
	for _, m := range modes() {
		all = append(all, m.name)
	}
	return all
}

func chosenModes(chosen []string) (all []mode) {
	for _, m := range modes() {
		if contains(chosen, m.name) {
			m.queue.Name, m.queue.Exchange, m.queue.Concurrency = m.name, exchange, 8
			all = append(all, m)
		}
	}
	return all
}

// body returns the body of a message: its number and the delay of its retry.
func body(number int, delay time.Duration) []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, bodySize), uint64(number))
	return binary.BigEndian.AppendUint64(b, uint64(delay))[:bodySize]
}

func numberOf(b []byte) int { return int(binary.BigEndian.Uint64(b)) }

func once(m *message.Message, write func(int) error) error { return write(numberOf(m.Body)) }

func failOnce(m *message.Message, write func(int) error) error {
	if m.Attempt > 1 {
		return write(numberOf(m.Body))
	}
	return retry.After(time.Duration(binary.BigEndian.Uint64(m.Body[8:])), errFails)
}

// failForGood writes nothing: the dead-letter queue is read at the end.
func failForGood(*message.Message, func(int) error) error { return retry.Permanent(errFails) }

// tick writes the second of a tick.
func tick(m *message.Message, write func(int) error) error {
	at, err := time.Parse(time.RFC3339, m.Headers.String(schedule.HeaderTick))
	if err != nil {
		return retry.Permanent(err)
	}
	return write(int(at.Unix()))
}

func orderKey(m *message.Message) string { return strconv.Itoa(numberOf(m.Body) % keys) }

// handler returns the handler of a mode, which writes to the ledger.
func (m mode) handler(l *ledgerFile) handler.Handler {
	return handler.Func(func(_ context.Context, got *message.Message) error {
		return m.handle(got, func(number int) error { return l.write(m.name, number) })
	})
}
