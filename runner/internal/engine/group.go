package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/warren-mq/warren/job"
	"github.com/warren-mq/warren/runner/internal/config"
)

// Group runs a configuration with any number of brokers: an engine for each broker that has
// queues or schedules, or to which messages are forwarded. Its methods are safe for concurrent
// use.
type Group struct {
	members []member // at least one

	mu     sync.Mutex
	config *config.Config
}

// member is the engine of a broker. The name of the setting broker is "".
type member struct {
	*Engine
	name string
}

// NewGroup returns the engines for o.Config. For each of brokers, meter returns the provider
// that measures; nil means OpenTelemetry's global provider. Call Close at the end.
func NewGroup(o Options, meter func(broker string) (metric.MeterProvider, error)) (*Group, error) {
	g := &Group{config: o.Config}
	names := o.Config.BrokerNames()
	if len(names) == 0 {
		names = []string{""}
	}
	whole, log := o.Config, o.Logger
	o.sender = g.sender
	for _, name := range names {
		o.Config, o.Logger, o.Meter = whole.Of(name), log, nil
		var err error
		if name != "" {
			o.Logger = log.With("broker", name)
			o.Meter, err = meter(name)
		}
		var e *Engine
		if err == nil {
			e, err = New(o)
		}
		if err != nil {
			return nil, errors.Join(named(name, err), g.Close())
		}
		g.members = append(g.members, member{e, name})
	}
	return g, nil
}

// sender returns the sender of a broker that the configuration had at the start.
func (g *Group) sender(broker string) job.Sender {
	for _, m := range g.members {
		if m.name == broker {
			return m.connections.Sender()
		}
	}
	return nil
}

// named adds the name of a broker to an error.
func named(broker string, err error) error {
	if broker == "" || err == nil {
		return err
	}
	return fmt.Errorf("runner: broker %s: %w", broker, err)
}

// Close stops the embedded broker, if there is one. Run must have returned.
func (g *Group) Close() error {
	errs := make([]error, 0, len(g.members))
	for _, m := range g.members {
		errs = append(errs, named(m.name, m.Close()))
	}
	return errors.Join(errs...)
}

// Each calls do with the engine of each broker, in the order of the configuration. The name of
// the setting broker is "".
func (g *Group) Each(do func(name string, e *Engine)) {
	for _, m := range g.members {
		do(m.name, m.Engine)
	}
}

// EmbeddedURL returns the URL of the embedded broker, or "" if there is none.
func (g *Group) EmbeddedURL() string { return g.members[0].EmbeddedURL() }

// AwaitWorking blocks until each queue is consumed or paused, or ctx is done.
func (g *Group) AwaitWorking(ctx context.Context) error {
	for _, m := range g.members {
		select {
		case <-m.Working():
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// Run runs all engines until ctx is done or one of them ends, and then drains all. No
// connection is closed before all queues have ended, because a queue may forward to another
// broker.
func (g *Group) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var working, running sync.WaitGroup
	working.Add(len(g.members))
	errs := make([]error, len(g.members))
	for i, m := range g.members {
		m.options.linger = func() {
			stop()
			working.Done()
			working.Wait()
		}
		running.Go(func() { errs[i] = named(m.name, m.Run(ctx)) })
	}
	running.Wait()
	return errors.Join(errs...)
}

// reachTimeout is how long a reload of several brokers waits for the connection to each of them.
const reachTimeout = 30 * time.Second

// Reload applies a new configuration to all engines; see Engine.Reload. With several engines, it first
// waits for the brokers that are needed, for up to 30 s each. If an engine fails, those before it
// return to the old configuration. A NotDrainedError is not a failure: the new
// configuration applies to all engines.
func (g *Group) Reload(ctx context.Context, to *config.Config) (config.Changes, error) {
	from := g.Config()
	if err := g.has(to); err != nil {
		return config.Changes{}, err
	}
	if err := g.reach(ctx, to); err != nil {
		return config.Changes{}, err
	}
	var all config.Changes
	var late error
	for i, m := range g.members {
		changes, err := m.Reload(ctx, g.part(to, m.name))
		all = merged(all, changes)
		if old, ok := errors.AsType[*NotDrainedError](err); ok {
			late, err = errors.Join(late, named(m.name, old.Err)), nil
		}
		if err != nil {
			return all, errors.Join(named(m.name, err), late, g.undo(ctx, g.members[:i], from))
		}
	}
	if len(g.members) > 1 || g.members[0].name != "" {
		all.Process = config.Diff(from, to).Process
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.config = to
	if late != nil {
		return all, &NotDrainedError{late}
	}
	return all, nil
}

// reach returns an error if a broker is not connected on which to needs declarations: the engines
// before it would apply to alone, until the broker is back.
func (g *Group) reach(ctx context.Context, to *config.Config) error {
	if len(g.members) == 1 {
		return nil
	}
	for _, m := range g.members {
		changes := config.Diff(m.Config(), g.part(to, m.name))
		if len(changes.Added)+len(changes.Restart)+len(changes.Exchanges) == 0 {
			continue
		}
		waiting, cancel := context.WithTimeout(ctx, reachTimeout)
		_, err := m.connections.Sender().Connector().Session(waiting)
		cancel()
		if err != nil {
			return named(m.name, m.becauseOfStop(fmt.Errorf("runner: reload: %w", err)))
		}
	}
	return nil
}

// undo has the members return to the old configuration.
func (g *Group) undo(ctx context.Context, members []member, from *config.Config) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reachTimeout)
	defer cancel()
	errs := make([]error, len(members))
	for i, m := range members {
		_, err := m.Reload(ctx, g.part(from, m.name))
		if old, ok := errors.AsType[*NotDrainedError](err); ok {
			err = old.Err // the whole reload has failed
		}
		errs[i] = named(m.name, err)
	}
	return errors.Join(errs...)
}

// part returns the part of c for a broker. A broker that is no longer in c has no work left.
func (g *Group) part(c *config.Config, broker string) *config.Config {
	if part := c.Of(broker); part != nil {
		return part
	}
	part := *c
	part.Brokers, part.Exchanges, part.Queues, part.Schedules = nil, nil, nil, nil
	return &part
}

// has returns an error if c needs a broker that has no engine.
func (g *Group) has(c *config.Config) error {
	var missing []string
	for _, name := range c.BrokerNames() {
		if !slices.ContainsFunc(g.members, func(m member) bool { return m.name == name }) {
			missing = append(missing, fmt.Sprintf("%q", name))
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("runner: reload: there is no connection to broker %s: restart the runner to use it", strings.Join(missing, ", "))
	}
	return nil
}

func merged(a, b config.Changes) config.Changes {
	return config.Changes{
		Live: union(a.Live, b.Live), Restart: union(a.Restart, b.Restart), Added: union(a.Added, b.Added), Removed: union(a.Removed, b.Removed),
		Exchanges: union(a.Exchanges, b.Exchanges), Schedules: a.Schedules || b.Schedules, Process: union(a.Process, b.Process),
	}
}

func union(a, b []string) []string {
	for _, text := range b {
		if !slices.Contains(a, text) {
			a = append(a, text)
		}
	}
	return a
}
