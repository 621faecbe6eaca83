package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/topology"
)

const topologyPruneHelp = `Remove bindings and queues that are left over from a former configuration. AMQP cannot list
them, so name them with --was, the arguments and --binding. If broker.management_url is set,
prune also finds leftover bindings of the configured queues. Queues that only the management
plugin finds are shown as unknown, because they may belong to another program. To remove
them, name them.

Prune first unbinds a queue. Then it deletes the queue, its parking queue, its partitions and its
dead-letter queue, each only if it has neither messages nor consumers, and their records of stops.
A quorum queue without a leader is reported as empty; it is kept, and prune ends with an error.
Prune does not delete a queue of the configuration, or unbind one with topology: verify or trust. It
also deletes partitions beyond the configured number, and slots of limits that no process uses.
A dead-letter queue that several queues of the former configuration share is kept; name it to delete
it. --force deletes a queue with its messages. A retry that still waits in a level ends in
warren.unrouted. Exchanges are not deleted.

The exit status is 6 if a queue was kept because it is in use.`

func (p *Program) topologyPrune() *cobra.Command {
	var s search
	var force []string
	var yes, dry bool
	c := &cobra.Command{
		Use: "prune [queue NAME…]", Short: "Remove bindings and queues that are no longer in the configuration",
		Long: topologyPruneHelp,
		Example: `  runner topology prune --was config.yaml.old --dry-run
  runner topology prune queue welcome-email --binding events:user.signed_up:welcome-email
  runner topology prune queue welcome-email --force welcome-email.dlq --yes`,
		Args: noneOrQueues,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				s.queues = args[1:]
			}
			return p.withLeftovers(cmd.Context(), s, func(ctx context.Context, _ *config.Config, l leftovers, session *amqp.Session) error {
				return p.prune(ctx, l, pruner{session: session, force: force, dry: true, flag: p.sameFlags()}, yes, dry)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&s.was, "was", "", "`file` of the former configuration, to find what is left over")
	f.StringArrayVar(&s.bindings, "binding", nil, "a binding `EXCHANGE:KEY:QUEUE` to remove; may be repeated")
	f.StringArrayVar(&force, "force", nil, "delete the queue `NAME` even if it has messages or consumers; may be repeated")
	f.BoolVar(&dry, "dry-run", false, "show what would be removed, without removing it")
	f.BoolVar(&yes, "yes", false, "do not ask")
	return c
}

// noneOrQueues requires no arguments, or "queue" and names.
func noneOrQueues(c *cobra.Command, args []string) error {
	if len(args) > 0 && (args[0] != "queue" || len(args) < 2) {
		return usage(errors.New("runner: want " + c.UseLine()))
	}
	return nil
}

// withLeftovers connects to the broker and calls do with what is left over.
func (p *Program) withLeftovers(ctx context.Context, s search, do func(context.Context, *config.Config, leftovers, *amqp.Session) error) error {
	c, err := p.load(true)
	if err != nil {
		return err
	}
	l, err := p.leftovers(ctx, c, s)
	if err != nil {
		return err
	}
	session, err := p.dial(ctx, c)
	if err != nil {
		return err
	}
	return errors.Join(do(ctx, c, l, session), session.Close())
}

// prune shows what try would do, and does it if the user confirms.
func (p *Program) prune(ctx context.Context, l leftovers, try pruner, yes, dry bool) error {
	if err := try.all(ctx, l); err != nil {
		return err
	}
	if dry || try.changes() == 0 {
		return errors.Join(p.show(try.table(l)), try.kept())
	}
	if err := p.agree(yes, try.table(l)); err != nil {
		return err
	}
	do := pruner{session: try.session, force: try.force, flag: try.flag}
	err := do.all(ctx, l)
	return errors.Join(err, p.show(do.table(l)), do.kept())
}

// agree shows what would be done and asks for confirmation. If there is no terminal, --yes
// is required.
func (p *Program) agree(yes bool, what result) error {
	if yes {
		return nil
	}
	if !isTerminal(p.Stdin) || !isTerminal(p.Stderr) {
		return usage(errors.New("runner: cannot ask for confirmation without a terminal: to remove what --dry-run shows, add --yes"))
	}
	if err := what.table(p.Stderr); err != nil {
		return err
	}
	_, _ = fmt.Fprint(p.Stderr, "Remove these? [y/N] ") // on a terminal
	typed, err := bufio.NewReader(p.Stdin).ReadString('\n')
	if answer := strings.ToLower(strings.TrimSpace(typed)); err != nil || answer != "y" && answer != "yes" {
		return usage(errors.New("runner: not confirmed, and nothing was done"))
	}
	return nil
}

// Actions of a pruner, before and after they are done.
const (
	unbind, unbound = "unbind", "unbound"
	remove, removed = "delete", "deleted"
	keep            = "keep"
	unknown         = "unknown"
)

// pruner removes leftovers. With dry set, it only finds out what it would do.
type pruner struct {
	session *amqp.Session
	force   []string // names of queues
	dry     bool
	flag    string // -c and the file
	letters string // the dead-letter queue of the family
	parts   []part
}

func (x *pruner) all(ctx context.Context, l leftovers) error {
	if err := x.unbind(ctx, l.bindings); err != nil {
		return err
	}
	for _, f := range l.families {
		if err := x.family(ctx, f, l.configured); err != nil {
			return err
		}
	}
	return nil
}

func (x *pruner) unbind(ctx context.Context, bindings []topology.Binding) error {
	for _, b := range bindings {
		action := unbind
		if !x.dry {
			action = unbound
			if err := x.session.Unbind(ctx, b); err != nil {
				return err
			}
		}
		x.parts = append(x.parts, part{Kind: "binding", Name: bindingText(b), Action: action})
	}
	return nil
}

// family unbinds the work queue of f and deletes its unused queues. It keeps a queue that
// gets messages from a kept queue, and leaves out the queues of the configuration.
func (x *pruner) family(ctx context.Context, f family, configured []topology.Queue) error {
	_, err := x.session.State(ctx, f.queue.Name)
	if err == nil {
		err = x.unbind(ctx, f.bindings)
	}
	if err != nil && !errors.Is(err, amqp.ErrNoQueue) {
		return err
	}
	x.letters = f.letters
	return x.stages(ctx, f.stages(), configured)
}

// stages deletes or keeps the queues of a family.
func (x *pruner) stages(ctx context.Context, all []stage, configured []topology.Queue) (err error) {
	keptBy := ""
	for _, s := range all {
		s.queues = slices.DeleteFunc(s.queues, func(q topology.Queue) bool { return has(configured, q.Name) })
		switch {
		case !s.records:
			keptBy, err = x.stage(ctx, s.queues, keptBy)
		case keptBy == "":
			err = x.records(ctx, s.queues)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// stage deletes the queues of a stage, or keeps them. It returns the first queue of the family that was kept.
func (x *pruner) stage(ctx context.Context, queues []topology.Queue, keptBy string) (string, error) {
	by := keptBy
	for _, q := range queues {
		kept, err := x.queue(ctx, q, keptBy)
		if err != nil {
			return by, err
		}
		if kept && by == "" {
			by = q.Name
		}
	}
	return by, nil
}

// records deletes records of stops. A queue with the name of a record and other arguments belongs to
// another program and is left out.
func (x *pruner) records(ctx context.Context, queues []topology.Queue) error {
	for _, q := range queues {
		changes, err := x.session.Probe(ctx, topology.Topology{Queues: []topology.Queue{q}})
		if err != nil {
			return err
		}
		if changes[0].Action != topology.Same {
			continue
		}
		action := remove
		if !x.dry {
			action = removed
			if _, err := x.session.DeleteQueue(ctx, q.Name); err != nil {
				return err
			}
		}
		x.done(q.Name, action, 0)
	}
	return nil
}

// queue deletes q, or keeps it. If keptBy is set, it keeps q because q gets the messages of
// that queue.
func (x *pruner) queue(ctx context.Context, q topology.Queue, keptBy string) (kept bool, err error) {
	state, err := x.session.State(ctx, q.Name)
	forced := slices.Contains(x.force, q.Name)
	idle := isSlot(q.Name)
	if idle && state.Consumers == 0 && state.Messages > 0 { // without a leader it seems empty
		state.Messages, forced = 0, true // no process uses or waits for the slot
	}
	switch {
	case errors.Is(err, amqp.ErrNoQueue):
		return false, nil
	case err != nil:
		return false, err
	case keptBy != "":
		x.parts = append(x.parts, part{Kind: "queue", Name: q.Name, Action: keep, Note: fmt.Sprintf("%d messages; gets the messages of %s, which is kept", state.Messages, keptBy)})
		return true, nil
	case state != amqp.QueueState{} && !forced:
		x.keep(q.Name, state)
		return true, nil
	case x.dry:
		x.done(q.Name, remove, state.Messages)
		return false, nil
	}
	messages, err := x.delete(ctx, q, forced)
	if used, ok := errors.AsType[*amqp.QueueInUseError](err); ok {
		x.keep(q.Name, used.State)
		return true, nil
	}
	if idle {
		messages = 0
	}
	if err == nil {
		x.done(q.Name, removed, messages)
	}
	return false, err
}

func (x *pruner) done(queue, action string, messages int) {
	note := ""
	if messages > 0 {
		note = fmt.Sprintf("with %d messages", messages)
	}
	x.parts = append(x.parts, part{Kind: "queue", Name: queue, Action: action, Note: note})
}

func (x *pruner) delete(ctx context.Context, q topology.Queue, forced bool) (messages int, err error) {
	if forced {
		return x.session.DeleteQueue(ctx, q.Name)
	}
	return x.session.DeleteUnusedQueue(ctx, q)
}

// keep records why a queue is kept, and how to empty it.
func (x *pruner) keep(name string, s amqp.QueueState) {
	note := fmt.Sprintf("%d messages, %d consumers; to empty it, run a runner that consumes it; to delete it with its messages, add --force %s",
		s.Messages, s.Consumers, quoted(name))
	if name == x.letters || strings.HasSuffix(name, dlqSuffix) {
		note = fmt.Sprintf("%d messages, %d consumers; runner dlq export%s %s saves them, and runner dlq purge%s %s removes them",
			s.Messages, s.Consumers, x.flag, quoted(name), x.flag, quoted(name))
	}
	x.parts = append(x.parts, part{Kind: "queue", Name: name, Action: keep, Note: note})
}

// changes returns how many parts were removed or would be removed.
func (x *pruner) changes() (n int) {
	for _, part := range x.parts {
		if part.Action != keep {
			n++
		}
	}
	return n
}

// kept returns an error if a queue was kept.
func (x *pruner) kept() error {
	if n := len(x.parts) - x.changes(); n > 0 {
		return &statusError{exitPartial, fmt.Errorf("runner: kept %d queues, which are in use or get the messages of a queue in use", n)}
	}
	return nil
}

func (x *pruner) table(l leftovers) result {
	r := result{header: []string{"KIND", "NAME", "ACTION", "NOTE"}, empty: "Nothing is left over."}
	for _, shown := range append(slices.Clip(x.parts), l.unknownParts()...) {
		r.rows = append(r.rows, []string{shown.Kind, shown.Name, shown.Action, shown.Note})
		r.values = append(r.values, shown)
	}
	return r
}

// unknownParts returns the queues that only the management plugin has found.
func (l leftovers) unknownParts() (parts []part) {
	for _, name := range l.unknown {
		parts = append(parts, part{Kind: "queue", Name: name, Action: unknown, Note: "not in this configuration; if no other program uses it: runner topology prune queue " + quoted(name)})
	}
	return parts
}
