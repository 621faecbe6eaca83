package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/amqp"
)

// Bounds of the commands that wait, and of the time that one of them may take.
const (
	commandsWaiting = 16
	commandTimeout  = 5 * time.Second
)

// ErrUnknown is returned by a Source that does not have the message of a command.
var ErrUnknown = errors.New("fleet: the process does not have it")

var (
	errForbidden = errors.New("fleet: the user may not control this process")
	errBusy      = errors.New("fleet: too many commands are waiting, try again")
)

// request is a command to be executed.
type request struct {
	delivery amqp091.Delivery
	command  Command
}

// receive receives commands until the channel is closed, and then closes over. It reads them
// without delay, since the AMQP client keeps in memory what is not read, and executes one at a
// time.
func (m *Member) receive(c *channel, o Options, over chan<- struct{}) {
	requests := make(chan request, commandsWaiting)
	var executing sync.WaitGroup
	executing.Go(func() {
		for r := range requests {
			m.execute(c, o, r)
		}
	})
	for d := range c.deliveries {
		command, err := accept(o, c.session.User(), d)
		if err == nil {
			select {
			case requests <- request{d, command}:
				continue
			default:
				err = errBusy
			}
		}
		m.refuse(c, o, d, command, err)
	}
	close(over)
	close(requests)
	executing.Wait()
}

// accept checks a command and who has sent it. RabbitMQ verifies the user id.
func accept(o Options, own string, d amqp091.Delivery) (c Command, err error) {
	users := o.Users
	if len(users) == 0 {
		users = []string{own}
	}
	if d.UserId == "" || !slices.Contains(users, d.UserId) {
		return c, fmt.Errorf("%w: user %q", errForbidden, d.UserId)
	}
	if err := decode(d.Body, MaxCommand, &c); err != nil {
		return c, err
	}
	c.bound()
	c.By = d.UserId
	if c.Format != Format || c.Name == "" {
		return c, fmt.Errorf("%w: its format is %d and its name %q, want format %d and a name", errFormat, c.Format, c.Name, Format)
	}
	return c, nil
}

// refuse logs and answers a command that is not executed, at most once a second: anyone who
// may publish can send messages to a process.
func (m *Member) refuse(c *channel, o Options, d amqp091.Delivery, command Command, err error) {
	m.mu.Lock()
	before, now := m.refused.count(time.Now())
	m.mu.Unlock()
	if !now {
		return
	}
	o.Log.Warn("fleet: command refused", "user", clipped(d.UserId), "command", command.Name, "error", err, "refused_before", before)
	m.answer(c, o, d, command, &Answer{Error: err.Error()})
}

// refusals counts the commands that were refused without a log line.
type refusals struct {
	silent int
	last   time.Time
}

func (r *refusals) count(now time.Time) (silent int, report bool) {
	if !r.last.IsZero() && now.Sub(r.last) < time.Second {
		r.silent++
		return 0, false
	}
	silent = r.silent
	r.silent, r.last = 0, now
	return silent, true
}

// execute executes a command, answers it, logs it and announces it.
func (m *Member) execute(c *channel, o Options, r request) {
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	answer := &Answer{Result: "done"}
	if r.command.Name == LogLevel {
		r.command.log(ctx, o.Log, &Answer{Result: "accepted"}) // the new level may hide the line below
	}
	if err := m.perform(ctx, o, r.command, answer); err != nil {
		*answer = Answer{Error: err.Error(), Unknown: errors.Is(err, ErrUnknown)}
	}
	r.command.log(ctx, o.Log, answer)
	m.answer(c, o, r.delivery, r.command, answer)
	m.Changed()
}

// log writes a line about the command, with the arguments that it has.
func (c *Command) log(ctx context.Context, l *slog.Logger, a *Answer) {
	level := slog.LevelInfo
	if reads(c.Name) {
		level = slog.LevelDebug
	}
	attrs := []slog.Attr{slog.String("user", c.By), slog.String("command", c.Name)}
	for _, one := range [][2]string{{"queue", c.Queue}, {"message_id", c.ID}, {"verdict", c.Verdict}, {"level", c.Level}, {"group", c.Group}, {"schedule", c.Schedule}, {"result", a.Result}, {"error", a.Error}} {
		if one[1] != "" {
			attrs = append(attrs, slog.String(one[0], one[1]))
		}
	}
	if c.Concurrency != 0 {
		attrs = append(attrs, slog.Int("concurrency", c.Concurrency))
	}
	l.LogAttrs(ctx, level, "fleet: command executed", attrs...)
}

// perform executes the command in the sources that it concerns.
func (m *Member) perform(ctx context.Context, o Options, c Command, a *Answer) error {
	switch {
	case c.Name == LogLevel:
		return o.setLevel(c.Level)
	case c.Name == ScheduleRun:
		return o.runSchedule(ctx, c, a)
	case c.Name == Drain && o.Drain != nil:
		go o.Drain() // it may wait for what this goroutine holds
		return nil
	}
	found := false
	var errs []error
	for _, s := range m.joined() {
		concerned, err := s.Execute(ctx, c, a)
		found = found || concerned
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil || found {
		return err
	}
	return c.unknown()
}

// unknown returns the error of a command that concerns no source.
func (c *Command) unknown() error {
	switch c.Name {
	case Pause, Resume, Scale:
		return fmt.Errorf("%w: queue %q", ErrUnknown, c.Queue)
	case DelayList, DelayShow, DelayRun, DelayCancel:
		return fmt.Errorf("%w: parking queue of %q", ErrUnknown, c.Queue)
	case Cancel, Stacks:
		return fmt.Errorf("%w: message %q in hand", ErrUnknown, c.ID)
	}
	return fmt.Errorf("fleet: unknown command %q", c.Name)
}

// runSchedule has the scheduler of the process publish the message of an entry.
func (o Options) runSchedule(ctx context.Context, c Command, a *Answer) error {
	if o.RunSchedule == nil || o.Schedules == nil {
		return fmt.Errorf("%w: group %q of schedules", ErrUnknown, c.Group)
	}
	if at := o.Schedules(); at == nil || at.Group != c.Group {
		return fmt.Errorf("%w: group %q of schedules", ErrUnknown, c.Group)
	}
	id, err := o.RunSchedule(ctx, c.Schedule)
	a.Result = "published message " + id
	return err
}

func (o Options) setLevel(name string) error {
	if o.Level == nil {
		return errors.New("fleet: the log level of this process cannot be changed (fleet.Config.Level is nil)")
	}
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	level, ok := levels[strings.ToLower(name)]
	if !ok {
		return fmt.Errorf("fleet: set the log level: got %q, want debug, info, warn or error", name)
	}
	o.Level.Set(level)
	return nil
}

// answer answers a command to the address of its sender, and announces it.
func (m *Member) answer(c *channel, o Options, d amqp091.Delivery, command Command, a *Answer) {
	a.Format = Format
	a.bound()
	body, err := encode(a, MaxAnswer)
	if err != nil {
		body, err = encode(&Answer{Format: Format, Error: err.Error()}, MaxAnswer)
	}
	if err == nil && amqp.IsReplyAddress(d.ReplyTo) {
		_ = c.reply(d.ReplyTo, clipped(d.CorrelationId), body) // without an answer, the sender reports a timeout
	}
	if reads(command.Name) && a.Error == "" {
		return
	}
	e := m.describe(o, KindCommand)
	e.Executed = &Executed{By: d.UserId, Command: command, Result: a.Result, Error: a.Error}
	m.publish(c, e)
}

// reads reports whether a command changes nothing.
func reads(name string) bool { return name == Stacks || name == DelayList || name == DelayShow }

func clipped(text string) string {
	clip(maxName, &text)
	return text
}
