package console

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/warren-mq/warren/schedule"
)

// problem is a sentence about what is wrong, and what to do.
type problem struct {
	Grave  bool   `json:"grave"` // messages are not handled; otherwise they may be soon
	Text   string `json:"text"`
	Remedy string `json:"remedy"`
	Page   string `json:"page,omitempty"` // where to do it, relative to the console's path
	Link   string `json:"link,omitempty"` // what the link says
}

// maxProblems bounds the problems that are shown.
const maxProblems = 30

// problems returns what is wrong, the gravest first.
func problems(s *snapshot) []problem {
	all := []problem{}
	if s.Fault != "" {
		return append(all, problem{
			Grave: true, Text: "The console is not connected to RabbitMQ: " + s.Fault,
			Remedy: "Check whether the broker runs, and the URL and the credentials of the console. It tries again by itself.",
		})
	}
	all = append(all, s.listening()...)
	for i := range s.Processes {
		all = append(all, s.Processes[i].problems(s.At)...)
	}
	for i := range s.Queues {
		all = append(all, s.Queues[i].problems(s)...)
	}
	for _, p := range s.Parkings {
		if p.Fault != "" {
			all = append(all, problem{
				Grave: true, Text: fmt.Sprintf("Delayed messages of %s are not published when they are due: %s", printableName(p.For), p.Fault),
				Remedy: "See what waits. The worker tries again by itself.", Page: pageOf("delayed", p.Queue), Link: "Show what waits",
			})
		}
	}
	for _, g := range s.Groups {
		all = append(all, g.problems()...)
	}
	slices.SortStableFunc(all, func(a, b problem) int { return -cmp.Compare(btoi(a.Grave), btoi(b.Grave)) })
	if more := len(all) - maxProblems; more > 0 {
		all = append(all[:maxProblems], problem{Text: fmt.Sprintf("There are %s.", plural(more, "more problem", "more problems")), Remedy: "Begin with the ones above."})
	}
	return all
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// listening returns what is wrong with the announcements.
func (s *snapshot) listening() (all []problem) {
	switch {
	case s.Deaf != "":
		all = append(all, problem{
			Text:   "The console cannot listen to the processes: " + s.Deaf,
			Remedy: `Give its RabbitMQ user permission to configure, write and read "warren.fleet.*" and to read "warren.fleet". Until then, only the counts of the broker are shown.`,
		})
	case s.Settled && len(s.Processes) == 0:
		all = append(all, problem{
			Grave: true, Text: "No process announces itself on this virtual host.",
			Remedy: "Start a worker with announcements (worker.Config.Fleet, or fleet.announce of the runner), or check whether the console uses the same virtual host.",
		})
	}
	if s.Invalid > 0 {
		all = append(all, problem{
			Text:   plural(s.Invalid, "announcement", "announcements") + " could not be read.",
			Remedy: "Check which programs may write to the exchange warren.fleet.",
		})
	}
	if s.Uncounted > 0 {
		all = append(all, problem{
			Text:   fmt.Sprintf("RabbitMQ did not count %s within %v.", plural(s.Uncounted, "queue", "queues"), countTime),
			Remedy: "Check the network between the console and the broker, and whether all queues exist that processes announce.",
		})
	}
	return all
}

// problems returns what is wrong with the process.
func (p *process) problems(now time.Time) (all []problem) {
	name := fmt.Sprintf("Process %s on %s", short(p.ID), p.Host)
	if p.Missing {
		return []problem{{
			Grave: true, Text: fmt.Sprintf("%s has not announced itself for %s.", name, age(now.Sub(p.Received))),
			Remedy: "Check whether it still runs. If it was killed, RabbitMQ delivers its messages to other processes.", Page: "processes", Link: "Show the processes",
		}}
	}
	if !p.Ready && len(p.Reasons) > 0 {
		all = append(all, problem{
			Grave: true, Text: fmt.Sprintf("%s is not ready: %s", name, strings.Join(p.Reasons[:min(len(p.Reasons), 3)], "; ")),
			Remedy: "See the log of the process.", Page: "processes", Link: "Show the processes",
		})
	}
	return all
}

// problems returns what is wrong with the group of schedulers.
func (g *schedulers) problems() (all []problem) {
	leaders := 0
	for _, m := range g.Members {
		if !m.Missing && m.Role == schedule.RoleLeader {
			leaders++
		}
		if !m.Missing && len(m.Reasons) > 0 {
			all = append(all, problem{
				Grave: true, Text: fmt.Sprintf("The schedules of group %s have a fault on %s: %s", printableName(g.Group), m.Host, strings.Join(m.Reasons[:min(len(m.Reasons), 3)], "; ")),
				Remedy: "See the schedules.", Page: "schedules", Link: "Show the schedules",
			})
		}
	}
	if leaders == 0 {
		all = append(all, problem{
			Grave: true, Text: fmt.Sprintf("No process publishes the schedules of group %s.", printableName(g.Group)),
			Remedy: "If this lasts longer than a minute, see the logs of its processes.", Page: "schedules", Link: "Show the schedules",
		})
	}
	return all
}

// problems returns what is wrong with the queue.
func (q *queue) problems(s *snapshot) (all []problem) {
	name, page := printableName(q.Name), pageOf("queues", q.Name)
	add := func(grave bool, text, remedy, page, link string) {
		all = append(all, problem{grave, text, remedy, page, link})
	}
	if q.Fault != "" {
		add(true, fmt.Sprintf("The broker does not count queue %s: %s", name, q.Fault), "Start a worker that declares the queue, or give the console's user permission for it.", page, "Show the queue")
	}
	for _, m := range q.Members {
		if m.Error != "" && !m.Missing {
			add(true, fmt.Sprintf("Queue %s has a fault on %s: %s", name, m.Host, m.Error), "The worker tries again by itself. See its log.", page, "Show the queue")
			break
		}
	}
	all = append(all, q.stopped(s)...)
	if q.Overdue > 0 {
		add(true, fmt.Sprintf("%s of queue %s ignore their timeout.", plural(q.Overdue, "handler", "handlers"), name),
			"See where they hang, and cancel their messages.", "working?queue="+escape(q.Name), "Show the messages in hand")
	}
	if q.Readers > 0 {
		add(false, fmt.Sprintf("The dead-letter queue of %s has %s, and should have none.", name, plural(q.Readers, "consumer", "consumers")),
			"Find the program that consumes it. If it is a replay, wait for its end.", pageOf("deadletters", q.Name), "Show the dead letters")
	}
	if q.Dead > 0 || q.DeadRate > 0 {
		text := fmt.Sprintf("Queue %s has %s", name, plural(q.Dead, "dead letter", "dead letters"))
		if q.DeadRate > 0 {
			text += fmt.Sprintf(", and %s more a second", rate(q.DeadRate))
		}
		add(q.DeadRate > 0, text+".", "See why they failed. Fix the cause, and replay a few as canaries first.", pageOf("deadletters", q.Name), "Show the groups")
	}
	return all
}

// stopped returns why the queue's messages are not handled, or too slowly.
func (q *queue) stopped(s *snapshot) []problem {
	name, page := printableName(q.Name), pageOf("queues", q.Name)
	waiting := plural(q.Ready, "ready message", "ready messages")
	paused, live := 0, 0
	for _, m := range q.Members {
		if !m.Missing {
			live++
		}
		if !m.Missing && m.State == "paused" {
			paused++
		}
	}
	switch {
	case live > 0 && paused == live:
		return []problem{{true, fmt.Sprintf("Queue %s is paused everywhere (%s), with %s.", name, plural(live, "process", "processes"), waiting), "Resume it when the cause is fixed.", page, "Show the queue"}}
	case paused > 0:
		return []problem{{false, fmt.Sprintf("Queue %s is paused on %d of %s.", name, paused, plural(live, "process", "processes")), "Resume it when the cause is fixed.", page, "Show the queue"}}
	case q.Counted && s.Settled && q.Ready > 0 && q.Consumers == 0 && live == 0:
		return []problem{{true, fmt.Sprintf("Queue %s has %s and no consumers.", name, waiting), "Start a worker that consumes it.", page, "Show the queue"}}
	case q.growing() && q.Concurrency > 0 && q.InHand >= q.Concurrency:
		return []problem{{false, fmt.Sprintf("Queue %s falls behind: %s, more than a minute ago, and all %d worker goroutines are busy.", name, waiting, q.Concurrency), "Scale it, if the services that its handlers call can take more.", page, "Scale the queue"}}
	}
	return nil
}

// growing reports whether the queue has more ready messages than about a minute ago, and many.
func (q *queue) growing() bool {
	const ago = 20 // samples
	if len(q.history) <= ago || q.Ready < 100 {
		return false
	}
	return q.Ready > q.history[len(q.history)-1-ago].Ready*11/10
}

// verdict says in a sentence whether all is well.
func (s *snapshot) verdict() string {
	grave, minor := 0, 0
	for _, p := range s.Problems {
		if p.Grave {
			grave++
		} else {
			minor++
		}
	}
	switch {
	case grave > 0:
		return plural(grave, "problem needs", "problems need") + " you now."
	case minor > 0:
		return "Messages are handled. " + plural(minor, "thing is", "things are") + " worth a look."
	case !s.Settled:
		return "Listening to the processes. Each announces itself within 3 s."
	}
	return fmt.Sprintf("All is well: %s, %s.", plural(len(s.Processes), "process", "processes"), plural(len(s.Queues), "queue", "queues"))
}

// shortID is how much of a process id is shown.
const shortID = 8

func short(id string) string { return id[:min(len(id), shortID)] }
