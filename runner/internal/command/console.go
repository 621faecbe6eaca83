package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"sync"

	"github.com/warren-mq/warren/console"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/engine"
	"github.com/warren-mq/warren/runner/internal/wiring"
	"github.com/warren-mq/warren/topology"
)

// consolePath is where the admin interface serves the console.
const consolePath = "/console/"

// consoles are the consoles of a runner's brokers.
type consoles []*console.Console

// consolesOf returns a console for each broker of a runner, and the handler of all. Both are nil
// if admin.console is off.
func consolesOf(g *engine.Group, log *slog.Logger) (consoles, http.Handler, error) {
	c := g.Config().Admin
	if c.Console == "off" {
		return nil, nil, nil
	}
	keys, err := wiring.Ring(c.ConsoleKeys)
	if err != nil {
		return nil, nil, fmt.Errorf("runner: admin.console_keys: %w", err)
	}
	notes, err := notesOf(c.ConsoleNotes)
	if err != nil {
		return nil, nil, err
	}
	var links []console.Link
	g.Each(func(name string, _ *engine.Engine) { links = append(links, linkTo(name, len(links))) })
	shown := links
	if len(links) == 1 {
		links[0].Path, shown = consolePath, nil
	}
	var all consoles
	var errs []error
	mux := http.NewServeMux()
	g.Each(func(name string, e *engine.Engine) {
		own, link := log, links[len(all)]
		if name != "" {
			own = log.With("broker", name)
		}
		one, err := console.New(console.Config{
			Broker: e.Broker(), Path: link.Path, Brokers: shown, Topology: topologyOf(e.Config), Control: c.Console == "full",
			Token: reveal(c.Token), Logger: own, Replicas: replicasOf(e.Config), Notes: notes, Keys: keys,
			Check: func(queue string, m *message.Message) error { return wiring.CheckBody(e.Config(), queue, m) },
		})
		all, errs = append(all, one), append(errs, err)
		mux.Handle(link.Path, one)
	})
	if first := links[0].Path; first != consolePath {
		mux.Handle(consolePath, http.RedirectHandler(first, http.StatusSeeOther))
	}
	return all, mux, errors.Join(errs...)
}

// notesOf returns the notes that a file keeps. Without a file they are kept in memory.
func notesOf(file string) (*console.Notes, error) {
	if file == "" {
		return new(console.Notes), nil
	}
	n, err := console.OpenNotes(file)
	if err != nil {
		return nil, fmt.Errorf("runner: admin.console_notes: %w", err)
	}
	return n, nil
}

// plainName matches names that need no escaping in a path.
var plainName = regexp.MustCompile(`^[A-Za-z0-9_~-][A-Za-z0-9._~-]*$`)

// linkTo returns the link to the console of a broker. The setting broker has the shortest path,
// and a broker whose name is not fit for a path has its number.
func linkTo(name string, i int) console.Link {
	switch {
	case name == "":
		return console.Link{Name: "broker", Path: consolePath}
	case !plainName.MatchString(name):
		return console.Link{Name: name, Path: fmt.Sprintf("%sbroker/.%d/", consolePath, i+1)}
	}
	return console.Link{Name: name, Path: consolePath + "broker/" + name + "/"}
}

// run runs the consoles until ctx is done.
func (all consoles) run(ctx context.Context) {
	var running sync.WaitGroup
	for _, c := range all {
		running.Go(func() { _ = c.Run(ctx) }) // it runs once, so it returns nil
	}
	running.Wait()
}

// replicasOf returns a function that reads the replicas of a queue from the management plugin, if
// the configuration has its address.
func replicasOf(current func() *config.Config) func(context.Context, string) (*console.Replicas, error) {
	return func(ctx context.Context, queue string) (*console.Replicas, error) {
		c := current()
		if c.Broker.ManagementURL.IsZero() {
			return nil, nil // the replicas are not known
		}
		client, err := managementClient(c)
		if err != nil {
			return nil, err
		}
		defer client.Close()
		r, err := client.Replicas(ctx, queue)
		if err != nil {
			return nil, err
		}
		return &console.Replicas{Leader: r.Leader, Members: r.Members, Online: r.Online}, nil
	}
}

// topologyOf returns a function that returns the topology of the current configuration. It
// computes the topology once for each configuration.
func topologyOf(current func() *config.Config) func() topology.Topology {
	var mu sync.Mutex
	var of *config.Config
	var t topology.Topology
	return func() topology.Topology {
		mu.Lock()
		defer mu.Unlock()
		if c := current(); c != of {
			of, t = c, wiring.Topology(c)
		}
		return t
	}
}
