package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/warren-mq/warren/internal/amqp/fleet"
)

// answerTime is how long the console waits for the answers of processes.
const answerTime = 10 * time.Second

// maxConcurrency is the highest concurrency: the default prefetch is twice as large, and AMQP
// allows 65535.
const maxConcurrency = 32767

var (
	errOffline   = errors.New("console: there is no connection to RabbitMQ at present, try again")
	errNoProcess = errors.New("console: no process that announces itself has this; it may have ended")
)

// reply is the answer of one process to a command.
type reply struct {
	Process string `json:"process"`
	Host    string `json:"host"`
	Result  string `json:"result,omitempty"`
	Error   string `json:"error,omitempty"`

	answer  *fleet.Answer
	unknown bool // the process does not have the queue or message
}

// send sends a command to processes at the same time, and returns their answers.
func (c *Console) send(ctx context.Context, to []fleet.Seen, cmd fleet.Command) ([]reply, error) {
	l := c.link.Load()
	if l == nil {
		return nil, &statusError{http.StatusServiceUnavailable, errOffline}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, answerTime, fmt.Errorf("no answer within %v", answerTime))
	defer cancel()
	controller, err := fleet.Control(ctx, l.session)
	if err != nil {
		return nil, err
	}
	replies := make([]reply, len(to))
	var all sync.WaitGroup
	for i, s := range to {
		all.Go(func() { replies[i] = ask(ctx, controller, s, cmd) })
	}
	all.Wait()
	return replies, controller.Close()
}

func ask(ctx context.Context, c *fleet.Controller, to fleet.Seen, cmd fleet.Command) reply {
	r := reply{Process: to.Process.ID, Host: line(to.Process.Host)}
	answer, err := c.Send(ctx, to, cmd)
	if err != nil {
		refused, ok := errors.AsType[*fleet.RefusedError](err)
		r.Error, r.unknown = line(err.Error()), ok && refused.Unknown
		return r
	}
	r.answer, r.Result = answer, line(answer.Result)
	return r
}

// process returns the process with the id, which must not be missing.
func (c *Console) process(id string) ([]fleet.Seen, error) {
	for _, s := range c.now.Load().seen {
		if s.Process.ID == id && !s.Missing {
			return []fleet.Seen{s}, nil
		}
	}
	return nil, notFound(errNoProcess)
}

// consumers returns the processes that consume a queue, or the one of them with the id.
func (c *Console) consumers(queue, id string) (some []fleet.Seen, err error) {
	for _, s := range c.now.Load().seen {
		has := slices.ContainsFunc(s.Queues, func(q fleet.Queue) bool { return q.Name == queue })
		if !s.Missing && has && (id == "" || s.Process.ID == id) {
			some = append(some, s)
		}
	}
	if len(some) == 0 {
		return nil, notFound(errNoProcess)
	}
	return some, nil
}

// told returns the outcome of a command.
func told(what string, all []reply) (outcome, error) {
	failed, first := 0, ""
	for _, r := range all {
		if r.Error != "" {
			failed++
			first = fmt.Sprintf("process %s on %s: %s", short(r.Process), r.Host, r.Error)
		}
	}
	switch {
	case failed == 0:
		return outcome{Text: fmt.Sprintf("%s on %s.", what, plural(len(all), "process", "processes")), Detail: all}, nil
	case failed == len(all):
		return outcome{}, errors.New("console: " + first)
	}
	return outcome{Text: fmt.Sprintf("%s on %d of %d processes. %s", what, len(all)-failed, len(all), first), Detail: all, Failed: true}, nil
}

// control returns the action that pauses or resumes a queue.
func (c *Console) control(name string) action {
	done := map[string]string{fleet.Pause: "Paused", fleet.Resume: "Resumed"}[name]
	return func(r *http.Request, v values) (outcome, error) {
		queue := r.PathValue("queue")
		return c.command(r, queue, v["process"], fleet.Command{Name: name, Queue: queue}, fmt.Sprintf("%s queue %s", done, line(queue)))
	}
}

// command sends a command to the processes that consume a queue.
func (c *Console) command(r *http.Request, queue, process string, cmd fleet.Command, done string) (outcome, error) {
	to, err := c.consumers(queue, process)
	if err != nil {
		return outcome{}, err
	}
	replies, err := c.send(r.Context(), to, cmd)
	if err != nil {
		return outcome{}, err
	}
	return told(done, replies)
}

func (c *Console) scale(r *http.Request, v values) (outcome, error) {
	if _, err := v.need("concurrency"); err != nil {
		return outcome{}, err
	}
	n, err := v.number("concurrency", 1, maxConcurrency)
	if err != nil {
		return outcome{}, err
	}
	queue := r.PathValue("queue")
	cmd := fleet.Command{Name: fleet.Scale, Queue: queue, Concurrency: n}
	return c.command(r, queue, v["process"], cmd, fmt.Sprintf("Scaled queue %s to %s", line(queue), plural(n, "worker goroutine", "worker goroutines")))
}

func (c *Console) drain(r *http.Request, _ values) (outcome, error) {
	return c.tell(r, fleet.Command{Name: fleet.Drain}, "Draining")
}

func (c *Console) logLevel(r *http.Request, v values) (outcome, error) {
	levels := []string{"debug", "info", "warn", "error"}
	if !slices.Contains(levels, v["level"]) {
		return outcome{}, invalid(fmt.Errorf("console: level is %q, want %s", shorten(v["level"], 40), strings.Join(levels, ", ")))
	}
	return c.tell(r, fleet.Command{Name: fleet.LogLevel, Level: v["level"]}, "Set the log level to "+v["level"])
}

// tell sends a command to the process of the request.
func (c *Console) tell(r *http.Request, cmd fleet.Command, done string) (outcome, error) {
	to, err := c.process(r.PathValue("process"))
	if err != nil {
		return outcome{}, err
	}
	replies, err := c.send(r.Context(), to, cmd)
	if err != nil {
		return outcome{}, err
	}
	return told(done, replies)
}

// cancel cancels a message in hand.
func (c *Console) cancel(r *http.Request, v values) (outcome, error) {
	id, err := v.need("id")
	if err != nil {
		return outcome{}, err
	}
	verdict := v["verdict"]
	if !slices.Contains([]string{fleet.VerdictRetry, fleet.VerdictDeadLetter}, verdict) {
		return outcome{}, invalid(fmt.Errorf("console: verdict is %q, want %s or %s", shorten(verdict, 40), fleet.VerdictRetry, fleet.VerdictDeadLetter))
	}
	done := fmt.Sprintf("Cancelled message %s (then %s)", line(id), verdict)
	return c.tell(r, fleet.Command{Name: fleet.Cancel, ID: id, Verdict: verdict}, done)
}

// stackPage is the data of the page of a message in hand.
type stackPage struct {
	Process string       `json:"process"`
	Host    string       `json:"host"`
	ID      string       `json:"id"`
	Stacks  []stackFrame `json:"stacks"`
}

type stackFrame struct {
	inHand
	Stack string `json:"stack"`
}

// stack asks a process for the stack of a handler, or of all its handlers.
func (c *Console) stack(r *http.Request) (any, error) {
	to, err := c.process(r.PathValue("process"))
	if err != nil {
		return nil, err
	}
	p := stackPage{Process: to[0].Process.ID, Host: line(to[0].Process.Host), ID: r.URL.Query().Get("id"), Stacks: []stackFrame{}}
	replies, err := c.send(r.Context(), to, fleet.Command{Name: fleet.Stacks, ID: p.ID})
	if err != nil {
		return nil, err
	}
	one := replies[0]
	if one.unknown {
		return p, nil // the handler has ended
	}
	if one.Error != "" {
		return nil, errors.New("console: " + one.Error)
	}
	for _, s := range one.answer.Stacks {
		m := inHand{Process: p.Process, Host: p.Host, ID: s.ID, Queue: s.Queue, Handler: line(s.Handler), Key: line(s.Key), Attempt: s.Attempt}
		m.Age = time.Duration(min(max(s.AgeMS, 0), oldest.Milliseconds())) * time.Millisecond
		p.Stacks = append(p.Stacks, stackFrame{m, s.Stack})
	}
	return p, nil
}
