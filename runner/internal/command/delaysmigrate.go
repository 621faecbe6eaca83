package command

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/amqp/ladder"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/topology"
)

const migrateHelp = `Earlier versions kept retries and delayed messages in a delay ladder: the queues and
exchanges warren.delay.00 to warren.delay.22 and the exchange warren.delay.out. Migrate moves
every message to the parking queue of its work queue or of its exchange, and then removes
the ladder. A message is removed from the ladder when the broker has confirmed its copy, so
none is lost. After an interruption, run the command again.

Replace all workers and publishers of the earlier version first. Until then the ladder must
stay, because they use it; its messages still reach their queues. Migrate refuses to start
while a queue of the configuration has a consumer and its parking queue has none, which is
so while only workers of the earlier version run.

A message comes when it would have come from the ladder, or up to 1 s later, but not
earlier. The time counts from the failure of a retry, and from the timestamp of a delayed
message. A snoozed message that had failed before may come earlier by the time between that
failure and the snooze, and a delayed message whose application set a timestamp before it
published the message by the time in between. If a message contains neither time, its delay
in the current level begins again.

RabbitMQ does not show over AMQP which messages are on their way between two levels, and
after a failure it tries again for 180 s. So migrate deletes a level when it has been empty
for the time of --empty-for. Run it while all nodes of the cluster run.

Messages whose queue or exchange no longer exists go to warren.unrouted. The queues
warren.delay.for.QUEUE and warren.delay.to.EXCHANGE stay: they may hold messages that were
refused, and AMQP does not show them. Delete one if "rabbitmqctl list_queues name messages"
shows that it is empty, or add --remove-ends to delete them with such messages.`

func (p *Program) delaysMigrate() *cobra.Command {
	var m migration
	c := &cobra.Command{
		Use: "migrate", Short: "Move the messages of an earlier version's delay ladder, and remove the ladder", Args: exactly(0),
		Long: migrateHelp,
		Example: `  runner delays migrate --dry-run
  runner delays migrate`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.load(true)
			if err != nil {
				return err
			}
			session, err := p.dial(cmd.Context(), c)
			if err != nil {
				return err
			}
			m.program, m.session = p, session
			return errors.Join(m.run(cmd.Context(), c), session.Close())
		},
	}
	f := c.Flags()
	f.BoolVar(&m.dry, "dry-run", false, "show how many messages are in each level, and change nothing")
	f.BoolVar(&m.force, "force", false, "start even if workers of the earlier version seem to run")
	f.DurationVar(&m.emptyFor, "empty-for", 190*time.Second, "how long a level must have been empty before it is deleted")
	f.BoolVar(&m.removeEnds, "remove-ends", false, "also delete the queues warren.delay.for.QUEUE and warren.delay.to.EXCHANGE with their messages")
	return c
}

// migration is one call of the command.
type migration struct {
	dry, force, removeEnds bool
	emptyFor               time.Duration

	program *Program
	session *amqp.Session
	parts   []part
}

func (m *migration) run(ctx context.Context, c *config.Config) error {
	queues, exchanges := make([]string, 0, len(c.Queues)), make([]string, 0, len(c.Queues))
	for _, q := range c.Queues {
		queues, exchanges = append(queues, q.Name), append(exchanges, q.Exchange)
	}
	found, err := ladder.Find(ctx, m.session, exchanges, queues)
	if err != nil {
		return err
	}
	if found.Exists() && !m.dry && !m.force {
		if err := m.refuse(ctx, queues); err != nil {
			return err
		}
	}
	switch {
	case m.dry:
		m.plan(found)
	case found.Exists():
		err = m.migrate(ctx, c, found)
	}
	return errors.Join(m.program.show(m.table()), err)
}

// refuse returns an error if a queue has consumers of the earlier version only.
func (m *migration) refuse(ctx context.Context, queues []string) error {
	for _, name := range queues {
		work, err := m.session.State(ctx, name)
		if errors.Is(err, amqp.ErrNoQueue) || err == nil && work.Consumers == 0 {
			continue
		}
		parking, parkingErr := m.session.State(ctx, topology.ParkingQueue(name))
		if errors.Is(parkingErr, amqp.ErrNoQueue) {
			parkingErr = nil
		}
		if err := errors.Join(err, parkingErr); err != nil {
			return err
		}
		if parking.Consumers == 0 {
			return &statusError{exitConflict, fmt.Errorf("runner: queue %s has %d consumers and %s has none, so workers of the earlier version still run: replace them first, or add --force if these consumers are not Warren's",
				name, work.Consumers, topology.ParkingQueue(name))}
		}
	}
	return nil
}

func (m *migration) plan(f ladder.Found) {
	for k, n := range f.Messages {
		if n >= 0 {
			m.add("queue", ladder.Level(k), remove, fmt.Sprintf("%d messages to move", n))
		}
	}
	m.addEnds(f.Ends)
}

func (m *migration) migrate(ctx context.Context, c *config.Config, found ladder.Found) error {
	b, err := m.program.broker(ctx, c)
	if err != nil {
		return err
	}
	sender := amqp.NewSender(amqp.Config(b), "migrate", nil)
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- sender.Run(running) }()
	bar := m.program.progress(found.Total(), "moving")
	do := ladder.Migration{Session: m.session, Sender: sender, Quiet: m.emptyFor, OnMoved: func() { bar.add(1) }}
	result, err := do.Run(ctx, found)
	stop()
	bar.end()
	moved := m.report(result)
	err = errors.Join(err, <-ended, m.deleteEnds(ctx, result.Ends))
	if err != nil && (moved > 0 || result.Removed > 0) {
		return &statusError{exitPartial, fmt.Errorf("runner: the migration is not complete; run it again: %w", err)}
	}
	return err
}

// report adds what was moved and removed, and returns the number of messages.
func (m *migration) report(r ladder.Result) (moved int) {
	for _, queue := range slices.Sorted(maps.Keys(r.Moved)) {
		moved += r.Moved[queue]
		m.add("messages", queue, "moved", fmt.Sprintf("%d messages", r.Moved[queue]))
	}
	if r.Removed > 0 {
		m.add("ladder", topology.LevelPrefix+"*", "removed", fmt.Sprintf("%d queues and exchanges", r.Removed))
	}
	return moved
}

func (m *migration) deleteEnds(ctx context.Context, ends []string) error {
	if !m.removeEnds {
		m.addEnds(ends)
		return nil
	}
	for _, end := range ends {
		if _, err := m.session.DeleteQueue(ctx, end); err != nil {
			return err
		}
		m.add("queue", end, removed, "")
	}
	return nil
}

func (m *migration) addEnds(ends []string) {
	for _, end := range ends {
		if m.removeEnds {
			m.add("queue", end, remove, "with refused messages, if it has any")
			continue
		}
		m.add("queue", end, keep, `may hold refused messages; if "rabbitmqctl list_queues name messages" shows 0: rabbitmqctl delete_queue `+quoted(end))
	}
}

func (m *migration) add(kind, name, action, note string) {
	m.parts = append(m.parts, part{Kind: kind, Name: name, Action: action, Note: note})
}

func (m *migration) table() result {
	r := result{header: []string{"KIND", "NAME", "ACTION", "NOTE"}, empty: "There is no delay ladder of an earlier version: nothing to do."}
	for _, shown := range m.parts {
		r.rows = append(r.rows, []string{shown.Kind, shown.Name, shown.Action, shown.Note})
		r.values = append(r.values, shown)
	}
	return r
}
