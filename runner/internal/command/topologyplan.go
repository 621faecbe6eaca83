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

// part is an exchange or a queue, and what declaring it does.
type part struct {
	Kind     string    `json:"kind"`
	Name     string    `json:"name"`
	Action   string    `json:"action"` // create, same, conflict or leftover; created once it was
	Conflict *conflict `json:"conflict,omitempty"`
	Note     string    `json:"note,omitempty"`
}

type conflict struct {
	Argument string `json:"argument"`
	Current  string `json:"current"`
	Wanted   string `json:"wanted"`
}

func (p *Program) topologyPlan() *cobra.Command {
	var detailed bool
	var s search
	c := &cobra.Command{
		Use: "plan", Short: "Show what would be declared, what conflicts and what is left over; change nothing", Args: exactly(0),
		Long: `Show what "topology apply", and the start of a runner, would declare, and what exists with
other properties than the configuration wants. Nothing is changed. Bindings to declare are
not listed: AMQP cannot ask for them, and declaring one again is harmless.

What is left over from a former configuration, bindings and queues, is shown if --was names
its file, or broker.management_url the management plugin; "topology prune" removes it.

The exit status is 5 if something conflicts, and with --detailed-exitcode also if
something is missing or left over.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withLeftovers(cmd.Context(), s, func(ctx context.Context, c *config.Config, l leftovers, session *amqp.Session) error {
				return p.plan(ctx, wiring.Topology(c), l, session, detailed)
			})
		},
	}
	c.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit with 5 if anything would be created or is left over, too")
	c.Flags().StringVar(&s.was, "was", "", "`file` of the former configuration: what it has and this one has not is left over")
	return c
}

func (p *Program) plan(ctx context.Context, t topology.Topology, l leftovers, s *amqp.Session, detailed bool) error {
	changes, err := s.Plan(ctx, t)
	if err != nil {
		return err
	}
	left := pruner{session: s, dry: true, flag: p.fileFlag()}
	if err := left.all(ctx, l); err != nil {
		return err
	}
	r := planTable(changes, topology.Create)
	r.addLeftovers(append(left.parts, l.unknownParts()...))
	if err := p.show(r); err != nil {
		return err
	}
	if err := topology.Conflicts(changes); err != nil {
		return err
	}
	if detailed && (number(changes, topology.Create) > 0 || len(left.parts) > 0) {
		return &silentError{exitConflict}
	}
	return nil
}

// addLeftovers shows what a pruner would look at.
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
		Use: "apply", Short: "Declare everything, unless something conflicts", Args: exactly(0),
		Long: `Declare the exchanges, queues and bindings of the configuration. What exists as wanted
stays as it is, so that it may be done again and again. If anything conflicts nothing is
declared, and the exit status is 5. Nothing is ever deleted.`,
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
				return p.show(planTable(changes, "created"))
			})
		},
	}
}

// planTable shows changes. What is missing is called as create says.
func planTable(changes []topology.Change, create topology.Action) result {
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
		r.rows = append(r.rows, []string{shown.Kind, shown.Name, shown.Action, note})
		r.values = append(r.values, shown)
	}
	r.note = fmt.Sprintf("%s: %d, same: %d, conflict: %d",
		create, number(changes, topology.Create), number(changes, topology.Same), number(changes, topology.Conflict))
	return r
}

// number counts the changes of an action.
func number(changes []topology.Change, a topology.Action) (n int) {
	for _, c := range changes {
		if c.Action == a {
			n++
		}
	}
	return n
}
