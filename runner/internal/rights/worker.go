package rights

import (
	"cmp"
	"regexp"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp/fleet"
	"github.com/warren-mq/warren/internal/amqp/limit"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/wiring"
	"github.com/warren-mq/warren/topology"
)

// Names that stand for patterns.
const (
	level    = topology.ShortestLevel
	instance = "ABCDEFGHIJKL" // of a queue that belongs to one process
)

// worker computes what a runner needs on one broker.
type worker struct {
	*Needs
	config  *config.Config // the part of this broker
	manages bool           // the runner declares Warren's own queues
}

// Worker returns what a runner needs on a broker of the configuration; see config.Config.Of.
func Worker(whole *config.Config, name string) *Needs {
	c := whole.Of(name)
	w := worker{newNeeds(c), c, topology.Mode(c.Broker.Topology).Manages()}
	if w.manages {
		w.declare(wiring.Exchanges(c))
	}
	for _, q := range c.Queues {
		w.queue(q)
	}
	w.shared()
	w.schedules()
	for _, q := range whole.Queues {
		w.forward(q, name)
	}
	w.asks()
	return w.Needs
}

func newNeeds(c *config.Config) *Needs {
	n := &Needs{patterns: map[string]string{topology.LevelName(level): regexp.QuoteMeta(topology.LevelPrefix) + "[0-9]+s"}}
	for _, q := range c.Queues {
		if q.PerProcess {
			n.patterns[workQueue(c, q).QueueName()] = regexp.QuoteMeta(q.Name) + `\.[A-Z2-7]{12}`
		}
		for i := range q.Partitions {
			n.patterns[topology.Partition(q.Name, i)] = regexp.QuoteMeta(q.Name) + `\.partition\.[0-9]+`
			n.patterns[topology.StopsQueue(topology.Partition(q.Name, i))] = regexp.QuoteMeta(q.Name) + `\.partition\.[0-9]+\.stops`
		}
		for _, s := range q.Slots() {
			for i := range s.Slots {
				n.patterns[s.Queue(i)] = regexp.QuoteMeta(limit.QueuePrefix+s.Label()) + `\.[0-9]+`
			}
		}
	}
	return n
}

// workQueue returns what a worker declares for q.
func workQueue(c *config.Config, q config.Queue) topology.WorkQueue {
	keys := make([]string, 0, len(q.Handlers))
	for _, h := range q.Handlers {
		keys = append(keys, h.Key)
	}
	w := q.Worker(c.Exchanges).WorkQueue(keys)
	if w.Instance != "" {
		w.Instance = instance
	}
	return w
}

// mode returns what the runner does about the queue, its exchange and its bindings.
func (w worker) mode(q config.Queue) topology.Mode {
	return topology.Mode(cmp.Or(q.Topology, w.config.Broker.Topology))
}

// queue adds what the worker needs to declare and to consume the queue, to publish copies of its
// messages for retries, and to dead-letter them.
func (w worker) queue(q config.Queue) {
	work := workQueue(w.config, q)
	if w.manages {
		w.declare(work.Support())
	}
	own := work.Own()
	switch {
	case w.mode(q).Manages():
		w.declare(own)
	case q.PerProcess: // another program cannot declare it
		own.Exchanges = nil
		w.declare(own)
	}
	add(&w.Read, work.QueueName())
	if exchange, key := work.DeadLetterTarget(); exchange != "" || key != "" {
		add(&w.Write, exchange)
	}
	w.limits(q)
	w.partitions(work)
	w.stops(work)
	if work.HasParking() {
		w.parking(topology.ParkingQueue(q.Name), "")
	}
	for _, exchange := range work.Exchanges() {
		if name := topology.ExchangeParking(exchange); len(name) <= topology.MaxShortString {
			w.parking(name, exchange)
		}
	}
}

// limits adds what the worker needs to take the slots of the limits that it shares with others.
func (w worker) limits(q config.Queue) {
	for _, l := range q.Slots() {
		t := l.Topology()
		if w.manages {
			w.declare(t)
		}
		for _, slot := range t.Queues {
			add(&w.Read, slot.Name)
		}
		add(&w.Write, "")
	}
}

// partitions adds what the worker needs to consume the partitions, to publish to them, and to divide
// them among the processes, each of which has a queue for that.
func (w worker) partitions(work topology.WorkQueue) {
	if work.Partitions == 0 {
		return
	}
	member := topology.PartitionExchange + ".MEMBER"
	w.patterns[member] = regexp.QuoteMeta(topology.PartitionExchange+".") + "[A-Z2-7]+"
	add(&w.Configure, member)
	add(&w.Write, member, topology.PartitionExchange, "")
	add(&w.Read, member, topology.PartitionExchange)
	for n := range work.Partitions {
		add(&w.Read, topology.Partition(work.Name, n))
	}
}

// stops adds what the worker needs to record checkpoints and delivery counts at a stop.
func (w worker) stops(work topology.WorkQueue) {
	t := work.Stops()
	if w.manages {
		w.declare(t)
	}
	for _, q := range t.Queues {
		add(&w.Read, q.Name)
		add(&w.Write, "")
	}
}

// parking adds what the worker needs to keep delayed messages and to publish them to the
// exchange when they are due.
func (w worker) parking(queue, exchange string) {
	add(&w.Read, queue)
	add(&w.Write, "", exchange, topology.LevelName(level), topology.UnroutedQueue)
	if w.manages {
		w.declare(topology.LevelTopology(level))
	}
}

// shared adds what all queues share. A worker reports on the canaries of a replay to the
// dead-letter exchange, whatever its own dead letters do.
func (w worker) shared() {
	if len(w.config.Queues) == 0 {
		return
	}
	add(&w.Write, topology.DeadLetterExchange)
	if w.manages {
		w.declare(topology.Shared())
	}
	if w.config.Fleet.Announce {
		add(&w.Write, fleet.Exchange, "") // the default exchange takes the answers to commands
		if w.manages {
			w.declare(fleet.Topology())
		}
	}
}

// schedules adds what the scheduler needs: the token, of which the second queue has a copy that
// every process can read, and the exchanges of the entries.
func (w worker) schedules() {
	if len(w.config.Schedules) == 0 {
		return
	}
	token := wiring.Scheduler(w.config, broker.Config{}, nil, nil, nil).Topology()
	if w.manages {
		w.declare(token)
	}
	for _, q := range token.Queues {
		add(&w.Read, q.Name)
	}
	add(&w.Write, "")
	for _, s := range w.config.Schedules {
		add(&w.Write, s.Exchange)
	}
}

// forward adds the exchanges to which the handlers of q publish on the broker.
func (w worker) forward(q config.Queue, on string) {
	for _, h := range q.Handlers {
		if h.Forward != nil && cmp.Or(h.Forward.Broker, q.Broker) == on {
			add(&w.Write, h.Forward.Exchange)
		}
		if h.Emits != nil && q.Broker == on {
			add(&w.Write, h.Emits.Exchange)
		}
		if h.Replies != nil && q.Broker == on {
			add(&w.Write, "") // the default exchange takes the replies
		}
	}
}

// asks adds what the worker verifies or counts.
func (w worker) asks() {
	for _, q := range w.config.Queues {
		work := workQueue(w.config, q)
		w.ask(work.DeadLetterQueue())
		w.ask(work.Exchanges()...)
	}
	if topology.Mode(w.config.Broker.Topology) == topology.Verify {
		for _, x := range w.config.Exchanges {
			w.ask(x.Name)
		}
	}
}
