package wiring

import (
	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/fleet"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// Exchanges returns the exchanges of c as they are declared.
func Exchanges(c *config.Config) topology.Topology {
	var t topology.Topology
	for _, e := range c.Exchanges {
		t.Exchanges = append(t.Exchanges, topology.Exchange{Name: e.Name, Kind: e.Type, Arguments: e.Arguments})
	}
	return t
}

// Topology returns everything that a runner with c declares.
func Topology(c *config.Config) topology.Topology {
	t := Exchanges(c)
	if len(c.Queues) > 0 {
		wc := worker.Config{Broker: broker.Config{Topology: topology.Mode(c.Broker.Topology)}}
		if c.Fleet.Announce {
			wc.Fleet = new(fleet.Config)
		}
		w := worker.New(wc)
		for _, q := range c.Queues {
			wanted := q.Worker(c.Exchanges)
			wanted.Middleware = q.Limits()
			sub := w.Queue(wanted)
			for _, h := range q.Handlers {
				sub.Handle(h.Key, handler.Func(unused))
			}
		}
		t = t.Merge(w.Topology())
	}
	if len(c.Schedules) > 0 {
		t = t.Merge(Scheduler(c, broker.Config{}, nil, nil, nil).Topology())
	}
	return t.Unique()
}
