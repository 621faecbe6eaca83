package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/topology"
)

func (p *Program) queuesCommand() *cobra.Command {
	c := parent("queues", "Show the queues")
	c.AddCommand(p.queuesList(), p.queuesWatch())
	return c
}

// queueState is the state of a queue in the broker. The counts are of ready messages.
type queueState struct {
	Name        string `json:"name"`
	Ready       int    `json:"ready"` // in the queue and its partitions
	Consumers   int    `json:"consumers"`
	DeadLetters int    `json:"dead_letters"`
	Partitions  []int  `json:"partitions,omitempty"` // the ready messages of each
	Error       string `json:"error,omitempty"`
}

// note returns the error of the queue, or where its messages wait if it has partitions.
func (s queueState) note() string {
	if s.Error != "" || len(s.Partitions) == 0 {
		return s.Error
	}
	sum, most := 0, 0
	for n, ready := range s.Partitions {
		sum += ready
		if ready > s.Partitions[most] {
			most = n
		}
	}
	if sum == 0 {
		return fmt.Sprintf("%d partitions", len(s.Partitions))
	}
	return fmt.Sprintf("%d in %d partitions, most in %d: %d", sum, len(s.Partitions), most, s.Partitions[most])
}

func (p *Program) queuesList() *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "Show the number of ready messages and dead letters of each queue", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withSession(cmd.Context(), func(ctx context.Context, c *config.Config, queues []string, s *amqp.Session) error {
				states, err := queueStates(ctx, c, queues, s)
				if err != nil {
					return err
				}
				return p.show(queueTable(states, nil, 0))
			})
		},
	}
}

func (p *Program) queuesWatch() *cobra.Command {
	var interval time.Duration
	var times int
	c := &cobra.Command{
		Use: "watch", Short: "Show the queues repeatedly, until Ctrl-C", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if interval < 100*time.Millisecond {
				return usage(fmt.Errorf("runner: --interval is %v, want 100ms or more", interval))
			}
			err := p.withSession(cmd.Context(), func(ctx context.Context, c *config.Config, queues []string, s *amqp.Session) error {
				now := func() ([]queueState, error) { return queueStates(ctx, c, queues, s) }
				return p.watch(ctx, now, interval, times)
			})
			if cmd.Context().Err() != nil {
				return nil //nolint:nilerr // Ctrl-C is the normal end
			}
			return err
		},
	}
	c.Flags().DurationVar(&interval, "interval", time.Second, "time between updates")
	c.Flags().IntVar(&times, "times", 0, "number of updates; 0 means no limit")
	return c
}

func (p *Program) watch(ctx context.Context, now func() ([]queueState, error), interval time.Duration, times int) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	var last []queueState
	for n := 1; ; n++ {
		states, err := now()
		if err != nil {
			return err
		}
		if isTerminal(p.Stdout) {
			if _, err := fmt.Fprint(p.Stdout, "\x1b[H\x1b[2J"); err != nil {
				return err
			}
		}
		if err := p.show(queueTable(states, last, interval)); err != nil || n == times {
			return err
		}
		last = states
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// withSession connects to the configuration's broker and calls do with the queues' names.
func (p *Program) withSession(ctx context.Context, do func(context.Context, *config.Config, []string, *amqp.Session) error) error {
	c, err := p.load(false)
	if err != nil {
		return err
	}
	s, err := p.dial(ctx, c)
	if err != nil {
		return err
	}
	queues, err := p.queueNames(ctx, c)
	if err != nil {
		return errors.Join(err, s.Close())
	}
	return errors.Join(do(ctx, c, queues, s), s.Close())
}

// isPerProcess reports whether each process has a queue of its own, under another name.
func isPerProcess(c *config.Config, queue string) bool {
	return slices.ContainsFunc(c.Queues, func(q config.Queue) bool { return q.Name == queue && q.PerProcess })
}

func queueStates(ctx context.Context, c *config.Config, queues []string, s *amqp.Session) ([]queueState, error) {
	states := make([]queueState, 0, len(queues))
	for _, name := range queues {
		state := queueState{Name: name}
		if isPerProcess(c, name) {
			state.Error = "each process has its own"
			states = append(states, state)
			continue
		}
		now, err := s.State(ctx, name)
		var dead amqp.QueueState
		if dlq := deadLetterQueueOf(c, name); dlq != "" {
			var errDead error
			dead, errDead = s.State(ctx, dlq)
			err = errors.Join(err, errDead)
		}
		if err != nil && !errors.Is(err, amqp.ErrNoQueue) {
			return nil, err
		}
		state.Ready, state.Consumers, state.DeadLetters = now.Messages, now.Consumers, dead.Messages
		if err != nil {
			state.Error = "not declared"
		}
		if err := state.addPartitions(ctx, c, s); err != nil {
			return nil, err
		}
		states = append(states, state)
	}
	return states, nil
}

// addPartitions adds the messages of the partitions of the queue.
func (s *queueState) addPartitions(ctx context.Context, c *config.Config, session *amqp.Session) error {
	i := slices.IndexFunc(c.Queues, func(q config.Queue) bool { return q.Name == s.Name })
	if i < 0 {
		return nil
	}
	for n := range c.Queues[i].Partitions {
		state, err := session.State(ctx, topology.Partition(s.Name, n))
		switch {
		case errors.Is(err, amqp.ErrNoQueue):
			s.Error = cmp.Or(s.Error, fmt.Sprintf("partition %d is not declared", n))
		case err != nil:
			return err
		}
		s.Partitions = append(s.Partitions, state.Messages)
		s.Ready += state.Messages
	}
	return nil
}

// queueTable shows the states, and the changes since last.
func queueTable(states, last []queueState, interval time.Duration) result {
	r := result{header: []string{"QUEUE", "READY", "CONSUMERS", "DEAD LETTERS", "NOTE"}, empty: noQueues}
	for i, s := range states {
		note := s.note()
		if i < len(last) && interval > 0 {
			note = strings.TrimSpace(change("ready", s.Ready-last[i].Ready) + " " + change("dead", s.DeadLetters-last[i].DeadLetters))
		}
		r.rows = append(r.rows, []string{s.Name, strconv.Itoa(s.Ready), strconv.Itoa(s.Consumers), strconv.Itoa(s.DeadLetters), note})
		r.values = append(r.values, s)
	}
	return r
}

func change(what string, by int) string {
	if by == 0 {
		return ""
	}
	return fmt.Sprintf("%s %+d", what, by)
}
