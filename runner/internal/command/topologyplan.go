package command

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/wiring"
	"github.com/warren-mq/warren/topology"
)

// part is an exchange or a queue, and the action for it.
type part struct {
	Kind     string    `json:"kind"`
	Name     string    `json:"name"`
	Action   string    `json:"action"` // create, same, conflict, unchecked or leftover; created after apply
	Conflict *conflict `json:"conflict,omitempty"`
	Note     string    `json:"note,omitempty"`
}

type conflict struct {
	Argument string `json:"argument"`
	Current  string `json:"current"`
	Wanted   string `json:"wanted"`
}

func (p *Program) topologyPlan() *cobra.Command {
	var flags planFlags
	var s search
	c := &cobra.Command{
		Use: "plan", Short: "Show what would be declared, conflicts and leftovers, without changes", Args: exactly(0),
		Long: `Show what "topology apply" and "runner run" would declare, and which exchanges and queues
exist with properties that differ from the configuration. Plan changes nothing. RabbitMQ
compares properties only for users who may configure them; for other users, plan shows what
is missing. It does not list bindings to declare, because AMQP cannot list existing ones; declaring a
binding again is harmless.

Exchanges and queues that exist as configured are one line, with their number. --all and the
other formats of -o show each of them.

Plan also shows bindings and queues that are left over from a former configuration, if --was
is its file, or if broker.management_url is set. "topology prune" removes them.

The exit status is 5 if there is a conflict. With --detailed-exitcode it is also 5 if
something is missing or left over.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withLeftovers(cmd.Context(), s, func(ctx context.Context, c *config.Config, l leftovers, session *amqp.Session) error {
				return p.plan(ctx, wiring.Topology(c), l, session, flags)
			})
		},
	}
	c.Flags().BoolVar(&flags.detailed, "detailed-exitcode", false, "exit with status 5 also if something is missing or left over")
	c.Flags().BoolVar(&flags.all, "all", false, "show each exchange and queue that exists as configured")
	c.Flags().StringVar(&s.was, "was", "", "`file` of the former configuration, to find what is left over")
	return c
}

// planFlags are the flags of topology plan.
type planFlags struct{ detailed, all bool }

func (p *Program) plan(ctx context.Context, t topology.Topology, l leftovers, s *amqp.Session, flags planFlags) error {
	changes, err := s.Probe(ctx, t)
	if err != nil {
		return err
	}
	left := pruner{session: s, dry: true, flag: p.sameFlags()}
	if err := left.all(ctx, l); err != nil {
		return err
	}
	r := planTable(changes, topology.Create, flags.all)
	r.addLeftovers(append(left.parts, l.unknownParts()...))
	if err := p.show(r); err != nil {
		return err
	}
	if err := topology.Conflicts(changes); err != nil {
		return err
	}
	if flags.detailed && (number(changes, topology.Create) > 0 || len(left.parts) > 0) {
		return &silentError{exitConflict}
	}
	return nil
}

// addLeftovers adds rows for the parts that a pruner found.
func (r *result) addLeftovers(parts []part) {
	for _, shown := range parts {
		if shown.Action != unknown {
			shown.Action = "leftover"
		}
		r.rows = append(r.rows, []string{shown.Kind, shown.Name, shown.Action, shown.Note})
		r.values = append(r.values, shown)
	}
	if len(parts) > 0 {
		r.note += fmt.Sprintf(", left over: %d; see runner topology prune --help", len(parts))
	}
}

func (p *Program) topologyApply() *cobra.Command {
	return &cobra.Command{
		Use: "apply", Short: "Declare the topology, unless there are conflicts", Args: exactly(0),
		Long: `Declare the exchanges, queues and bindings of the configuration. Those that exist as
configured stay unchanged, so the command can be repeated. If there is a conflict, apply
declares nothing and the exit status is 5. Apply deletes nothing.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withTopology(cmd.Context(), func(ctx context.Context, t topology.Topology, s *amqp.Session) error {
				changes, err := s.Plan(ctx, t)
				if err != nil {
					return err
				}
				if err := topology.Conflicts(changes); err != nil {
					return err
				}
				if err := s.Declare(ctx, t); err != nil {
					return err
				}
				return p.show(planTable(changes, "created", false))
			})
		},
	}
}

// uncheckedNote is the note on exchanges and queues that could not be compared.
const uncheckedNote = "the user may not configure them, so their properties are not compared; --all shows what RabbitMQ refused"

// planTable shows changes. The action for missing parts is shown as create. Unless all is
// set, the rows of parts that are the same are folded into one, and so are those that could
// not be compared.
func planTable(changes []topology.Change, create topology.Action, all bool) result {
	r := result{header: []string{"KIND", "NAME", "ACTION", "NOTE"}, empty: "The configuration has no topology."}
	for _, c := range changes {
		shown := part{Kind: c.Kind, Name: c.Name, Action: string(c.Action)}
		if c.Action == topology.Create {
			shown.Action = string(create)
		}
		var note string
		if e := c.Conflict; e != nil {
			shown.Conflict = &conflict{e.Argument, e.Current, e.Wanted}
			note = fmt.Sprintf("%s is %s, wanted %s", e.Argument, e.Current, e.Wanted)
		}
		r.values = append(r.values, shown)
		if c.Err != nil {
			note, shown.Note = c.Err.Error(), c.Err.Error()
		}
		if c.Action != topology.Same && c.Action != topology.Unchecked || all {
			r.rows = append(r.rows, []string{shown.Kind, shown.Name, shown.Action, note})
		}
	}
	if n := number(changes, topology.Same); n > 0 && !all {
		r.rows = append(r.rows, []string{"-", fmt.Sprintf("%d exchanges and queues", n), string(topology.Same), ""})
	}
	if n := number(changes, topology.Unchecked); n > 0 && !all {
		r.rows = append(r.rows, []string{"-", fmt.Sprintf("%d exchanges and queues", n), string(topology.Unchecked), uncheckedNote})
	}
	r.note = fmt.Sprintf("%s: %d, same: %d, conflict: %d",
		create, number(changes, topology.Create), number(changes, topology.Same), number(changes, topology.Conflict))
	if n := number(changes, topology.Unchecked); n > 0 {
		r.note += fmt.Sprintf(", unchecked: %d", n)
	}
	return r
}

// number returns how many changes have the action.
func number(changes []topology.Change, a topology.Action) (n int) {
	for _, c := range changes {
		if c.Action == a {
			n++
		}
	}
	return n
}
