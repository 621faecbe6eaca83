package engine

import (
	"context"
	"slices"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/runner/internal/config"
)

// Status returns the current state of all engines. With several brokers, each reason begins
// with the name of its broker.
func (g *Group) Status() Status {
	all := Status{Ready: true, BrokerURL: g.EmbeddedURL(), Queues: []QueueStatus{}}
	for _, m := range g.members {
		s := m.Status()
		all.Ready = all.Ready && s.Ready
		all.Reasons = append(all.Reasons, prefixed(m.name, s.Reasons)...)
		all.Warnings = append(all.Warnings, prefixed(m.name, s.Warnings)...)
		all.Queues = append(all.Queues, s.Queues...)
		if s.Scheduler != "" && all.Scheduler != "" {
			s.Scheduler = all.Scheduler + ", " + s.Scheduler
		}
		if s.Scheduler != "" {
			all.Scheduler = s.Scheduler
		}
	}
	return all
}

// prefixed adds the name of a broker to each text.
func prefixed(broker string, texts []string) []string {
	if broker == "" {
		return texts
	}
	out := make([]string, 0, len(texts))
	for _, text := range texts {
		out = append(out, "broker "+broker+": "+text)
	}
	return out
}

// Config returns the current configuration of all engines.
func (g *Group) Config() *config.Config {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.config
}

// Scheduling returns the configurations of the brokers that have schedules.
func (g *Group) Scheduling() []broker.Config {
	var all []broker.Config
	for _, m := range g.members {
		if len(m.Config().Schedules) > 0 {
			all = append(all, m.Broker())
		}
	}
	if len(all) == 0 {
		all = append(all, g.members[0].Broker())
	}
	return all
}

// Pause stops consuming a queue until Resume; see Engine.Pause.
func (g *Group) Pause(ctx context.Context, queue string) error {
	e, err := g.find(queue)
	if err != nil {
		return err
	}
	return e.Pause(ctx, queue)
}

// Resume starts consuming a queue again; see Engine.Resume.
func (g *Group) Resume(ctx context.Context, queue string) error {
	e, err := g.find(queue)
	if err != nil {
		return err
	}
	return e.Resume(ctx, queue)
}

// Scale sets how many messages of a queue are handled at the same time.
func (g *Group) Scale(queue string, concurrency int) error {
	e, err := g.find(queue)
	if err != nil {
		return err
	}
	return e.Scale(queue, concurrency)
}

// find returns the engine that has the queue. The names of queues are unique.
func (g *Group) find(queue string) (*Engine, error) {
	var known []string
	for _, m := range g.members {
		for _, q := range m.Status().Queues {
			if q.Name == queue {
				return m.Engine, nil
			}
			known = append(known, q.Name)
		}
	}
	slices.Sort(known)
	return nil, &UnknownQueueError{Queue: queue, Known: known}
}
