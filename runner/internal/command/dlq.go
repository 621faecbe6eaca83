package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/deadletter"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/topology"
)

func (p *Program) dlqCommand() *cobra.Command {
	c := parent("dlq", "Show dead letters, replay them, or remove them")
	c.Long = `Show dead letters, replay them to their work queue, or remove them. QUEUE is a work queue
or its dead-letter queue. If work queues of the configuration share a dead-letter queue, the name
of one of them means its own dead letters only. Showing dead letters does not remove them and keeps their order.
One command at a time can read a queue; a second one waits for 10 s and then fails.

--filter selects dead letters: reason=permanent,key=user.*,since=2h,error="mailbox full",
header.tenant=blue,queue=…,until=…,id=…,fingerprint=…,limit=100.`
	c.AddCommand(p.dlqList(), p.dlqGroups(), p.dlqShow(), p.dlqReplay(), p.dlqEdit(),
		p.dlqExport(), p.dlqImport(), p.dlqDiscard(), p.dlqPurge(), p.dlqNotes(), p.dlqNote())
	return c
}

// withDeadLetters calls do with a client for the configuration's broker.
func (p *Program) withDeadLetters(ctx context.Context, do func(*deadletter.Client) error) error {
	c, err := p.load(false)
	if err != nil {
		return err
	}
	b, err := p.broker(ctx, c)
	if err != nil {
		return err
	}
	return suggested(do(deadletter.New(b)), c)
}

// suggested adds the name of the queue that may have been meant.
func suggested(err error, c *config.Config) error {
	if hint := suggestQueue(err, c); hint != "" {
		return fmt.Errorf("%w%s", err, hint)
	}
	return err
}

// deadLetterQueue returns the dead-letter queue for an argument: the queue that the
// configuration names, or NAME.dlq.
func (p *Program) deadLetterQueue(name string) string {
	c, err := p.load(false)
	if err != nil { // the command reports it when it connects
		c = &config.Config{}
	}
	for _, q := range c.Queues {
		if q.DeadLetterQueue() == name {
			return name
		}
	}
	if strings.HasSuffix(name, topology.DeadLetterQueue("")) {
		return name
	}
	return cmp.Or(deadLetterQueueOf(c, name), topology.DeadLetterQueue(name))
}

// deadLetters returns the dead-letter queue for an argument, and the filter for it: if work queues
// share the dead-letter queue and the argument names one of them, only its dead letters are meant.
func (p *Program) deadLetters(name string, f deadletter.Filter) (string, deadletter.Filter) {
	if p.sharers(name) > 1 {
		f.WorkQueue = cmp.Or(f.WorkQueue, name)
	}
	return p.deadLetterQueue(name), f
}

// sharers returns how many work queues of the configuration have the same dead-letter queue as the
// work queue name. It returns 0 if name is a dead-letter queue, or not in the configuration.
func (p *Program) sharers(name string) (n int) {
	dlq := p.deadLetterQueue(name)
	c, err := p.load(false)
	if err != nil || dlq == name { // the command reports the error when it connects
		return 0
	}
	i := slices.IndexFunc(c.Queues, func(q config.Queue) bool { return q.Name == name })
	for _, q := range c.Queues {
		if i >= 0 && q.Broker == c.Queues[i].Broker && q.DeadLetterQueue() == dlq {
			n++
		}
	}
	return n
}

// deadLetterQueueOf returns the dead-letter queue of a work queue. It is empty if c says that
// the queue has none, and NAME.dlq if c does not have the queue.
func deadLetterQueueOf(c *config.Config, name string) string {
	for _, q := range c.Queues {
		if q.Name == name {
			return q.DeadLetterQueue()
		}
	}
	return topology.DeadLetterQueue(name)
}

// choice holds the flags that select dead letters.
type choice struct {
	id, group, filter string
	all               bool
}

// flags adds the flags to c. If must is set, one of them is required, and --all is added.
func (ch *choice) flags(c *cobra.Command, must bool) {
	f := c.Flags()
	f.StringVar(&ch.filter, "filter", "", "only dead letters that match `NAME=VALUE,…`: see runner dlq help")
	if must {
		f.StringVar(&ch.id, "id", "", "only the dead letter with this `ID`")
		f.StringVar(&ch.group, "group", "", "only dead letters with this `FINGERPRINT`: see runner dlq groups")
		f.BoolVar(&ch.all, "all", false, "all dead letters")
	}
}

// parse returns the filter of the flags.
func (ch *choice) parse(must bool) (deadletter.Filter, error) {
	f, err := deadletter.ParseFilter(ch.filter)
	if err != nil {
		return f, usage(fmt.Errorf("%w%s", err, suggestTerm(err)))
	}
	chosen := 0
	for _, set := range []bool{ch.id != "", ch.group != "", ch.filter != "", ch.all} {
		if set {
			chosen++
		}
	}
	if must && chosen != 1 {
		return f, usage(errors.New("runner: want one of --id, --group, --filter and --all"))
	}
	if ch.id != "" {
		f.ID = ch.id
	}
	if ch.group != "" {
		f.Fingerprint = ch.group
	}
	return f, nil
}

func (p *Program) dlqList() *cobra.Command {
	var oldest bool
	c := &cobra.Command{
		Use: "ls [QUEUE…]", Short: "Show the number of dead letters in each queue",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.load(false)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				if args, err = p.queueNames(cmd.Context(), c); err != nil {
					return err
				}
				args = slices.DeleteFunc(args, func(name string) bool { return deadLetterQueueOf(c, name) == "" })
			}
			var queues []string
			for _, name := range args {
				if dlq := p.deadLetterQueue(name); !slices.Contains(queues, dlq) {
					queues = append(queues, dlq)
				}
			}
			return p.withDeadLetters(cmd.Context(), func(client *deadletter.Client) error {
				list, err := client.List(cmd.Context(), queues...)
				if err != nil {
					return err
				}
				states := deadLetterQueueStates(list)
				if oldest {
					findOldest(cmd.Context(), client, states)
				}
				return p.show(deadLetterTable(states, oldest, time.Now()))
			})
		},
	}
	c.Flags().BoolVar(&oldest, "oldest", false, "read each queue to show when its first dead letter failed (see show --help), for at most 5s each")
	return c
}

// findOldest reads the first dead letter of each queue. Errors go into the state.
func findOldest(ctx context.Context, client *deadletter.Client, states []deadLetterQueueState) {
	const bound = 5 * time.Second
	for i := range states {
		s := &states[i]
		if s.DeadLetters == 0 {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, bound)
		var err error
		if s.Oldest, err = client.Oldest(ctx, s.Queue); err != nil {
			s.Error = err.Error()
		}
		cancel()
	}
}

// deadLetterQueueState is deadletter.Queue as JSON.
type deadLetterQueueState struct {
	Queue       string    `json:"queue"`
	WorkQueue   string    `json:"work_queue,omitempty"`
	DeadLetters int       `json:"dead_letters"`
	Oldest      time.Time `json:"oldest,omitzero"`
	Error       string    `json:"error,omitempty"`
	consumers   int
}

func deadLetterQueueStates(list []deadletter.Queue) (states []deadLetterQueueState) {
	for _, q := range list {
		s := deadLetterQueueState{Queue: q.Name, WorkQueue: q.WorkQueue, DeadLetters: q.Messages, consumers: q.Consumers}
		switch {
		case errors.Is(q.Err, amqp.ErrNoQueue):
			s.Error = "not declared"
		case q.Err != nil:
			s.Error = q.Err.Error()
		}
		states = append(states, s)
	}
	return states
}

func deadLetterTable(states []deadLetterQueueState, oldest bool, now time.Time) result {
	r := result{header: []string{"QUEUE", "DEAD LETTERS", "NOTE"}, empty: noQueues}
	if oldest {
		r.header = []string{"QUEUE", "DEAD LETTERS", "OLDEST", "NOTE"}
	}
	for _, s := range states {
		note := s.Error
		if note == "" && s.consumers > 0 {
			note = fmt.Sprintf("has %d consumers, should have none", s.consumers)
		}
		row := []string{s.Queue, count(int64(s.DeadLetters))}
		if oldest {
			row = append(row, ago(s.Oldest, now))
		}
		r.rows = append(r.rows, append(row, note))
		r.values = append(r.values, s)
	}
	return r
}

func (p *Program) dlqGroups() *cobra.Command {
	var ch choice
	c := &cobra.Command{
		Use: "groups QUEUE", Short: "Show the kinds of failures, the most frequent first", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			filter, err := ch.parse(false)
			if err != nil {
				return err
			}
			return p.withDeadLetters(cmd.Context(), func(client *deadletter.Client) error {
				queue, filter := p.deadLetters(args[0], filter)
				groups, err := client.Groups(cmd.Context(), queue, filter)
				if err != nil {
					return err
				}
				return p.show(groupTable(groups, time.Now()))
			})
		},
	}
	ch.flags(c, false)
	return c
}

// noDeadLetters and noQueues are shown below the header of an empty table.
const (
	noDeadLetters = "There are no such dead letters."
	noQueues      = "There are no queues in the configuration or in a running runner."
)

func groupTable(groups []deadletter.Group, now time.Time) result {
	r := result{header: []string{"FINGERPRINT", "COUNT", "FIRST", "LAST", "REASON", "EXAMPLE", "ERROR"}, empty: noDeadLetters}
	for _, g := range groups {
		r.rows = append(r.rows, []string{
			g.Fingerprint, count(int64(g.Count)), ago(g.First, now), ago(g.Last, now), g.Reason, g.Example, firstLine(g.Error, 80),
		})
		r.values = append(r.values, g)
	}
	return r
}
