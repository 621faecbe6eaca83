package command

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/warren-mq/warren/deadletter"
	"github.com/warren-mq/warren/internal/amqp/fleet"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/runner/internal/config"
)

// hostile is text that would clear the screen, forge a line and reverse what follows.
const hostile = "a\x1b[2J\u009b31m\r\nforged: \u202e\u2066\u200bz\x7f"

func hostileDeadLetter() deadletter.DeadLetter {
	return deadletter.DeadLetter{
		ID: hostile, Queue: hostile, Reason: hostile, Error: hostile, ErrorType: hostile, Fingerprint: hostile,
		Handler: hostile, Host: hostile, Stack: hostile, EditedFrom: hostile, Malformed: []string{hostile},
		ReplayedBy: hostile, ReplayedAt: time.Now(), History: []deadletter.Attempt{{Reason: hostile, Error: hostile}},
		Message: message.Message{
			ID: hostile, Exchange: hostile, RoutingKey: hostile, ContentType: hostile, ContentEncoding: hostile,
			Headers: message.Headers{hostile: hostile}, Body: []byte(hostile),
		},
	}
}

func TestADeadLetterReachesTheTerminalEscaped(t *testing.T) {
	t.Parallel()
	l, now := hostileDeadLetter(), time.Now()
	list := result{header: []string{"ID"}}
	list.addDeadLetter(l, hostile, now)
	groups := groupTable([]deadletter.Group{{Fingerprint: hostile, Reason: hostile, Example: hostile, Error: hostile}}, now)
	queues := deadLetterTable(deadLetterQueueStates([]deadletter.Queue{{Name: hostile, WorkQueue: hostile}}), false, now)
	for name, show := range map[string]func(*bytes.Buffer) error{
		"a dead letter": func(b *bytes.Buffer) error { b.WriteString(describe(l, now)); return nil },
		"a body":        func(b *bytes.Buffer) error { b.WriteString(describeBody(&l.Message, 1, "")); return nil },
		"a sealed body": func(b *bytes.Buffer) error { b.WriteString(describeBody(&l.Message, 1, hostile)); return nil },
		"dead letters":  func(b *bytes.Buffer) error { return list.table(b) },
		"groups":        func(b *bytes.Buffer) error { return groups.table(b) },
		"queues":        func(b *bytes.Buffer) error { return queues.table(b) },
		"findings": func(b *bytes.Buffer) error {
			return findingTable([]finding{{Finding: hostile, Remedy: hostile}}).table(b)
		},
		"a dead letter as JSON": func(b *bytes.Buffer) error { return writeJSON(b, newDeadLetter(l, hostile)) },
		"a dead letter as YAML": func(b *bytes.Buffer) error { return writeYAML(b, newDeadLetter(l, hostile)) },
		"an error":              func(b *bytes.Buffer) error { (&Program{Stderr: b}).complain(textError(hostile)); return nil },
		"a hint":                func(b *bytes.Buffer) error { (&Program{Stderr: b}).hintf("%s", hostile); return nil },
		"a line of the log":     func(b *bytes.Buffer) error { return logHostile(b, "text") },
		"a line in JSON":        func(b *bytes.Buffer) error { return logHostile(b, "json") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if err := show(&out); err != nil {
				t.Fatal(err)
			}
			if i := strings.IndexFunc(out.String(), func(r rune) bool { return r != '\n' && r != '\t' && unicode.In(r, unicode.Cc, unicode.Cf) }); i >= 0 {
				t.Errorf("%q has something raw at byte %d", out.String(), i)
			}
			tables := name == "dead letters" || name == "groups" || name == "queues"
			if tables && strings.Count(out.String(), "\n") > 2 {
				t.Errorf("a cell has made a line:\n%s", out.String())
			}
		})
	}
}

type textError string

func (e textError) Error() string { return string(e) }

func logHostile(out *bytes.Buffer, format string) error {
	log, _ := (&Program{Stderr: out}).logger(config.Log{Level: "info", Format: format})
	log.Info("runner: test", "id", hostile, hostile, 1, "error", textError(hostile))
	return nil
}

// hostileFleet is an announcement, and an answer, of a process that wants to harm the terminal.
func hostileFleet() (fleet.Seen, reply) {
	m := fleet.InHand{ID: hostile, Queue: hostile, Handler: hostile, Key: hostile, Cancelled: hostile}
	s := fleet.Seen{User: hostile, Announcement: &fleet.Announcement{
		Process: fleet.Process{ID: "ABCDEFGHIJKLMNOPQRSTUVWXYZ", Host: hostile}, Reasons: []string{hostile}, InHand: []fleet.InHand{m},
		Queues: []fleet.Queue{{Name: hostile, State: hostile, Error: hostile}}, Schedules: &fleet.Schedules{Group: hostile, Role: hostile},
		Executed: &fleet.Executed{By: hostile, Command: fleet.Command{Name: hostile, Queue: hostile}, Result: hostile},
	}}
	d := fleet.Delayed{ID: hostile, Exchange: hostile, Key: hostile, For: hostile}
	a := &fleet.Answer{Stacks: []fleet.Stack{{InHand: m, Stack: hostile}}, Delays: &fleet.Delays{Messages: []fleet.Delayed{d}}}
	return s, reply{Process: hostile, Host: hostile, Result: hostile, answer: a}
}

func TestNothingOfTheFleetReachesTheTerminalRaw(t *testing.T) {
	t.Parallel()
	s, r := hostileFleet()
	now := time.Now()
	d := fleet.Delayed{ID: hostile, Exchange: hostile, Key: hostile, Headers: map[string]any{hostile: hostile}, Body: []byte(hostile)}
	for name, show := range map[string]func(*Program) error{
		"processes": func(p *Program) error { return p.show(fleetTable([]fleet.Seen{s}, now)) },
		"in hand":   func(p *Program) error { return p.show(inHandTable([]fleet.Seen{s}, now)) },
		"replies":   func(p *Program) error { return p.show(replyTable([]reply{r})) },
		"stacks":    func(p *Program) error { return p.show(stackTable([]reply{r})) },
		"delays":    func(p *Program) error { return p.show(delayTable([]reply{r}, waitingCounts{}, now)) },
		"delayed":   func(p *Program) error { return p.showDelayed(d, now) },
		"commands":  func(p *Program) error { p.hintf("%s", executedLine(s)); return nil },
	} {
		for _, format := range []string{"table", "json", "yaml"} {
			var b bytes.Buffer
			p := &Program{Stdout: &b, Stderr: &b, settings: settings{format: format}}
			if err := show(p); err != nil {
				t.Fatal(err)
			}
			raw := func(r rune) bool {
				return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r))
			}
			if got := b.String(); b.Len() == 0 || strings.ContainsFunc(got, raw) || format == "table" && name != "delayed" && strings.Contains(got, "\nforged") {
				t.Errorf("%s as %s: the output is %q", name, format, got)
			}
		}
	}
}
