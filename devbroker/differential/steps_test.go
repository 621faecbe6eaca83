package differential_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// step is one thing that a client does. What its numbers mean depends on op, so that any
// steps may be left out of a sequence without changing the others.
type step struct {
	op      string
	conn    int
	channel uint16
	a, b    string // a queue or exchange, and what goes with it
	n       int
	flag    bool
	text    string // the body of a message
}

func (s step) String() string {
	return fmt.Sprintf("connection %d channel %d: %s %s %s %d %t %s", s.conn, s.channel, s.op, s.a, s.b, s.n, s.flag, s.text)
}

// sequence is what is played: the queues' arguments, and steps.
type sequence struct {
	seed  uint64
	queue map[string]wire.Table
	kind  map[string]string // of exchanges
	steps []step
}

// weights say how often each operation is drawn.
var weights = []struct {
	op string
	n  int
}{
	{"publish", 16},
	{"get", 8},
	{"consume", 7},
	{"ack", 6},
	{"nack", 6},
	{"reject", 6},
	{"cancel", 4},
	{"declare queue", 4},
	{"declare exchange", 2},
	{"bind", 4},
	{"unbind", 2},
	{"bind exchange", 2},
	{"unbind exchange", 2},
	{"qos", 3},
	{"purge", 1},
	{"delete queue", 1},
	{"delete exchange", 1},
	{"close channel", 2},
	{"recover", 1},
	{"ack all", 1},
	{"nack all", 2},
	{"look", 1},
}

func generate(seed uint64) sequence {
	r := rand.New(rand.NewPCG(seed, seed))
	s := sequence{seed: seed, queue: map[string]wire.Table{}, kind: map[string]string{}}
	for i := range 3 {
		s.queue[fmt.Sprintf("q%d", i)] = queueArguments(r)
	}
	for i := range 2 {
		s.kind[fmt.Sprintf("x%d", i)] = []string{"direct", "topic", "fanout", "headers"}[r.IntN(4)]
	}
	s.steps = append(s.steps, step{op: "declare queue", channel: 1, a: "q0"}, step{op: "declare queue", channel: 1, a: "q1"},
		step{op: "declare exchange", channel: 1, a: "x0"})
	for i := range 15 + r.IntN(30) {
		s.steps = append(s.steps, draw(r, i))
	}
	return s
}

// queueArguments draws the kind of a queue and its limits.
func queueArguments(r *rand.Rand) (args wire.Table) {
	quorum := r.IntN(3) == 0
	if quorum {
		args = args.Set("x-queue-type", "quorum")
	}
	options := []func(){
		func() { args = args.Set("x-dead-letter-exchange", "").Set("x-dead-letter-routing-key", "q0") },
		func() { args = args.Set("x-dead-letter-exchange", "x0") },
		func() { args = args.Set("x-max-length", int32(r.IntN(4))) },
		func() { args = args.Set("x-overflow", "reject-publish") },
		func() { args = args.Set("x-single-active-consumer", true) },
		func() { args = args.Set("x-message-ttl", int32(0)) },
		func() {
			if quorum {
				args = args.Set("x-delivery-limit", int32(r.IntN(4)))
			} else {
				args = args.Set("x-max-priority", int32(5))
			}
		},
	}
	for range r.IntN(3) {
		options[r.IntN(len(options))]()
	}
	return args
}

func draw(r *rand.Rand, i int) step {
	total := 0
	for _, w := range weights {
		total += w.n
	}
	n, op := r.IntN(total), ""
	for _, w := range weights {
		if n -= w.n; n < 0 {
			op = w.op
			break
		}
	}
	s := step{op: op, conn: r.IntN(2), channel: uint16(1 + r.IntN(2)), n: r.IntN(12), flag: r.IntN(2) == 0, text: fmt.Sprintf("m%02d", i)}
	queue, exchange := fmt.Sprintf("q%d", rare(r, 3)), fmt.Sprintf("x%d", rare(r, 2))
	key := []string{"k", "k.l", "#", "q0", "q1"}[r.IntN(5)]
	switch op {
	case "declare queue":
		s.a = fmt.Sprintf("q%d", r.IntN(3))
	case "declare exchange":
		s.a = fmt.Sprintf("x%d", r.IntN(2))
	case "delete exchange":
		s.a = exchange
	case "bind", "unbind":
		s.a, s.b, s.text = queue, exchange, key
	case "bind exchange", "unbind exchange":
		s.a, s.b, s.text = exchange, fmt.Sprintf("x%d", rare(r, 2)), key
	case "publish":
		s.b = queue
		if r.IntN(3) == 0 {
			s.a, s.b = exchange, key
		}
	case "cancel", "consume":
		s.a, s.b = queue, fmt.Sprintf("t%d", r.IntN(3))
	default:
		s.a = queue
	}
	return s
}

// rare is a number below n, and sometimes n: a name that is never declared.
func rare(r *rand.Rand, n int) int {
	if r.IntN(25) == 0 {
		return n
	}
	return r.IntN(n)
}
