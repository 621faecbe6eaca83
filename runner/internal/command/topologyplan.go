package command

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/broker"
)

// part is an exchange or a queue, and what declaring it does.
type part struct {
	Kind     string    `json:"kind"`
	Name     string    `json:"name"`
	Action   string    `json:"action"` // create, same or conflict; created once it was
	Conflict *conflict `json:"conflict,omitempty"`
}

type conflict struct {
	Argument string `json:"argument"`
	Current  string `json:"current"`
	Wanted   string `json:"wanted"`
}

func (p *Program) topologyPlan() *cobra.Command {
	var detailed bool
	c := &cobra.Command{
		Use: "plan", Short: "Show what would be declared, and what conflicts; change nothing", Args: exactly(0),
		Long: `Show what "topology apply", and the start of a runner, would declare, and what exists with
other properties than the configuration wants. Nothing is changed. Bindings are not
listed: AMQP cannot ask for them, and declaring one again is harmless.

The exit status is 5 if something conflicts, and with --detailed-exitcode also if
something is missing.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withTopology(cmd.Context(), func(ctx context.Context, t broker.Topology, s *broker.Session) error {
				changes, err := s.Plan(ctx, t)
				if err != nil {
					return err
				}
				if err := p.show(planTable(changes, broker.Create)); err != nil {
					return err
				}
				if err := broker.Conflicts(changes); err != nil {
					return err
				}
				if detailed && number(changes, broker.Create) > 0 {
					return &silentError{exitConflict}
				}
				return nil
			})
		},
	}
	c.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit with 5 if anything would be created, too")
	return c
}

func (p *Program) topologyApply() *cobra.Command {
	return &cobra.Command{
		Use: "apply", Short: "Declare everything, unless something conflicts", Args: exactly(0),
		Long: `Declare the exchanges, queues and bindings of the configuration. What exists as wanted
stays as it is, so that it may be done again and again. If anything conflicts nothing is
declared, and the exit status is 5. Nothing is ever deleted.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withTopology(cmd.Context(), func(ctx context.Context, t broker.Topology, s *broker.Session) error {
				changes, err := s.Plan(ctx, t)
				if err != nil {
					return err
				}
				if err := broker.Conflicts(changes); err != nil {
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
func planTable(changes []broker.Change, create broker.Action) result {
	r := result{header: []string{"KIND", "NAME", "ACTION", "NOTE"}, empty: "The configuration has no topology."}
	for _, c := range changes {
		shown := part{Kind: c.Kind, Name: c.Name, Action: string(c.Action)}
		if c.Action == broker.Create {
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
		create, number(changes, broker.Create), number(changes, broker.Same), number(changes, broker.Conflict))
	return r
}

// number counts the changes of an action.
func number(changes []broker.Change, a broker.Action) (n int) {
	for _, c := range changes {
		if c.Action == a {
			n++
		}
	}
	return n
}
