package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/internal/amqp/migrate"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/wiring"
	"github.com/warren-mq/warren/topology"
)

const topologyMigrateHelp = `Replace QUEUE by a queue of the same name with the type and the arguments of the
configuration, while messages are published to it. RabbitMQ never changes an existing queue.

Change the configuration first. --to quorum and --to classic state the new type; --to
arguments is for other arguments. Then:

1. The processes that consume QUEUE are asked to pause it, over the fleet. The command waits
   until they have no message in hand. It refuses to start while other consumers exist:
   stop them.
2. The exchange QUEUE.migrate takes the place of the queue in its bindings. What is published
   from now on waits in QUEUE.migrate.new.
3. The messages of the queue are moved to QUEUE.migrate.old. The queue is deleted when it is
   empty, and declared with the new arguments.
4. The messages are moved back: first the old ones, then those that were published
   meanwhile. The bindings are restored, and the parts of the migration are removed.
5. The processes are asked to resume. A process that still has the former configuration
   cannot consume the new queue: restart it.

A message is removed from a queue when the broker has confirmed its copy, so none is lost, and
their order is kept. After an interruption run the command again: it continues. After
each interruption, up to 128 messages may be delivered twice. If it is interrupted in its last second, a few
messages of that second may come behind later ones. Messages that are published to a queue by its name while
it is deleted are for some milliseconds in the memory of the command alone. If they cannot be published then, the
command says how many were lost.

If the broker refuses a message, because max_message_size is smaller than when it was published, the command
ends with an error each time that it is run. Set max_message_size to a larger value until the migration has ended.

The copies keep body, headers and properties. The exchange and the routing key of the first
publish become the headers warren-exchange and warren-routing-key, an expiration counts
again, the headers CC, BCC and x-death are removed, and a user id of another user becomes
the header warren-user-id. Messages of the last second before the end have x-death and lose
their expiration.

A queue with more messages than its new max_length is refused. If the new queue is full before
all messages are moved back, because more were published meanwhile, the command ends with an
error: resume the processes (runner fleet resume QUEUE --everywhere) until they have made room,
and run it again. max_length_bytes is not checked.

Messages that are published to the queue by its name, without an exchange, are not held:
they come before those that are moved back. While the queue does not exist, for some
milliseconds, the broker returns them, and a publisher gets an error.

AMQP cannot list bindings. Bindings that are not in the configuration are lost with the
queue, unless broker.management_url is set, or they are given by --binding.`

// migrateFlags are the flags of topology migrate.
type migrateFlags struct {
	to       string
	bindings []string
	dry      bool
	rate     int
	emptyFor time.Duration
	wait     time.Duration
	timeout  time.Duration
	paused   bool
}

func (p *Program) topologyMigrate() *cobra.Command {
	var m migrateFlags
	c := &cobra.Command{
		Use: "migrate QUEUE", Short: "Replace a queue by one with another type or other arguments, under load", Args: exactly(1),
		Long: topologyMigrateHelp,
		Example: `  runner topology migrate welcome-email --to quorum --dry-run
  runner topology migrate welcome-email --to quorum --rate 2000`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.load(true)
			if err != nil {
				return err
			}
			do, err := p.replacement(cmd.Context(), c, args[0], m)
			if err != nil {
				return err
			}
			return p.withFleetOf(cmd.Context(), c, do.run)
		},
	}
	f := c.Flags()
	f.StringVar(&m.to, "to", "", "quorum, classic or arguments (required)")
	f.BoolVar(&m.dry, "dry-run", false, "show what would be done, and change nothing")
	f.IntVar(&m.rate, "rate", 0, "`messages` to move per second, at most; 0 means no limit")
	f.DurationVar(&m.emptyFor, "empty-for", time.Second, "how long the queue must have been empty, without a message that a consumer returned, before it is deleted")
	f.StringArrayVar(&m.bindings, "binding", nil, "a further binding `EXCHANGE:KEY:QUEUE` of the queue; may be repeated")
	f.BoolVar(&m.paused, "keep-paused", false, "do not resume the processes at the end")
	f.DurationVar(&m.wait, "wait", gatherTime, "how long to listen for announcements")
	f.DurationVar(&m.timeout, "timeout", 2*time.Minute, "how long to wait until the processes have no message in hand")
	return c
}

// replacement is one call of the command.
type replacement struct {
	migrateFlags
	program *Program
	config  *config.Config
	queue   topology.Queue
	binds   []topology.Binding
	parts   []part
}

// replacement checks the arguments and finds the bindings of the queue.
func (p *Program) replacement(ctx context.Context, c *config.Config, name string, flags migrateFlags) (*replacement, error) {
	t := wiring.Topology(c)
	i := slices.IndexFunc(t.Queues, func(q topology.Queue) bool { return q.Name == name })
	if i < 0 {
		known := make([]string, 0, len(t.Queues))
		for _, q := range t.Queues {
			known = append(known, q.Name)
		}
		return nil, usage(fmt.Errorf("runner: queue %q is not in the configuration%s", name, didYouMean(name, known)))
	}
	r := &replacement{migrateFlags: flags, program: p, config: c, queue: t.Queues[i]}
	kind := r.queue.Arguments["x-queue-type"]
	switch {
	case !slices.Contains([]string{topology.Quorum, topology.Classic, "arguments"}, r.to):
		return nil, usage(fmt.Errorf("runner: --to is %q, want quorum, classic or arguments", r.to))
	case r.to != "arguments" && r.to != kind:
		return nil, usage(fmt.Errorf("runner: --to is %s, and queue %s is %v in the configuration: change the configuration first", r.to, name, kind))
	case r.rate < 0 || r.emptyFor < 0:
		return nil, usage(fmt.Errorf("runner: --rate is %d and --empty-for %v, want 0 or more", r.rate, r.emptyFor))
	}
	for _, b := range t.Bindings {
		if b.Queue == name {
			r.binds = append(r.binds, b)
		}
	}
	return r, r.findBindings(ctx)
}

// findBindings adds the bindings that are not in the configuration.
func (r *replacement) findBindings(ctx context.Context) error {
	for _, text := range r.bindings {
		b, err := parseBinding(text)
		if err != nil {
			return usage(err)
		}
		if b.Queue != r.queue.Name {
			return usage(fmt.Errorf("runner: --binding is %s, want a binding of queue %s", text, r.queue.Name))
		}
		r.addBinding(b)
	}
	if r.config.Broker.ManagementURL.IsZero() {
		return nil
	}
	client, err := managementClient(r.config)
	if err != nil {
		return err
	}
	defer client.Close()
	found, err := client.Bindings(ctx, r.queue.Name)
	for _, b := range found {
		if !strings.HasPrefix(b.Exchange, r.queue.Name+".migrate") {
			r.addBinding(b)
		}
	}
	return err
}

func (r *replacement) addBinding(b topology.Binding) {
	if !slices.ContainsFunc(r.binds, func(other topology.Binding) bool { return config.SameBinding(b, other) }) {
		r.binds = append(r.binds, b)
	}
}

// run migrates the queue. The session of w is for the fleet alone.
func (r *replacement) run(ctx context.Context, w *watched) error {
	session, err := r.program.dial(ctx, r.config)
	if err != nil {
		return err
	}
	m := &migrate.Migration{Session: session, Queue: r.queue, Bindings: r.binds, Rate: r.rate, Quiet: r.emptyFor}
	at, err := m.Look(ctx)
	switch {
	case err != nil:
	case at.Queue == topology.Same && !at.Begun:
		err = r.hintPaused(ctx, w)
	case m.TooLong(at) != nil:
		err = &statusError{exitConflict, fmt.Errorf("runner: %w", m.TooLong(at))}
	case r.dry:
		r.plan(at)
	default:
		err = r.migrate(ctx, w, m, at)
	}
	err = errors.Join(err, session.Close())
	if err == nil || len(r.parts) > 0 {
		err = errors.Join(r.program.show(r.table()), err)
	}
	return err
}

// plan shows what a migration would do.
func (r *replacement) plan(at migrate.State) {
	note := "is missing"
	if c := at.Conflict; c != nil {
		note = fmt.Sprintf("%s is %s, wanted %s", c.Argument, c.Current, c.Wanted)
	}
	if at.Begun {
		note = "a migration has begun: it will be continued"
	}
	r.add("queue", r.queue.Name, "replace", note)
	for _, b := range r.binds {
		r.add("binding", bindingText(b), "rebind", "")
	}
	r.add("messages", r.queue.Name, "move", fmt.Sprintf("%d messages, twice; %d consumers", max(at.Messages, 0), at.Consumers))
}

func (r *replacement) migrate(ctx context.Context, w *watched, m *migrate.Migration, at migrate.State) error {
	paused, err := r.pause(ctx, w)
	if err != nil {
		return err
	}
	bar := r.program.progress(-1, "moving")
	m.OnMoved = func(n int) { bar.add(n) }
	m.OnStep = func(name string) error {
		bar.clear()
		r.program.hintf("runner: %s", name)
		return nil
	}
	result, err := m.Run(ctx)
	bar.end()
	if result.Moved > 0 {
		r.add("messages", r.queue.Name, "moved", fmt.Sprintf("%d messages, each move counted", result.Moved))
	}
	if result.Lost > 0 {
		err = errors.Join(err, fmt.Errorf("runner: %d messages of queue %s were lost with it, at most", result.Lost, r.queue.Name))
	}
	if err != nil {
		return r.incomplete(err, len(paused) > 0)
	}
	note := ""
	if at.Conflict != nil {
		note = fmt.Sprintf("%s was %s, and is %s", at.Conflict.Argument, at.Conflict.Current, at.Conflict.Wanted)
	}
	r.add("queue", r.queue.Name, "replaced", note)
	if r.paused {
		return nil
	}
	return r.resume(ctx, w, paused)
}

// incomplete returns the error of a migration that did not come to its end.
func (r *replacement) incomplete(err error, paused bool) error {
	note := ""
	if paused {
		note = "; the processes stay paused until then"
	}
	if used := new(migrate.ConsumedError); errors.As(err, &used) {
		return &statusError{exitConflict, fmt.Errorf("runner: %w%s", err, note)}
	}
	return &statusError{exitPartial, fmt.Errorf("runner: the migration is not complete; run the command again to continue it%s: %w", note, err)}
}

func (r *replacement) add(kind, name, action, note string) {
	r.parts = append(r.parts, part{Kind: kind, Name: name, Action: action, Note: note})
}

func (r *replacement) table() result {
	t := result{header: []string{"KIND", "NAME", "ACTION", "NOTE"}, empty: fmt.Sprintf("Queue %s has the wanted arguments: nothing to do.", r.queue.Name)}
	for _, shown := range r.parts {
		t.rows = append(t.rows, []string{shown.Kind, shown.Name, shown.Action, shown.Note})
		t.values = append(t.values, shown)
	}
	return t
}
