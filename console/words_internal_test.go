package console

import (
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/internal/amqp/fleet"
	"github.com/warren-mq/warren/schedule"
)

func TestCronIsPlain(t *testing.T) {
	t.Parallel()
	for cron, want := range map[string]string{
		"* * * * *":       "every minute",
		"*/5 * * * *":     "every 5 minutes",
		"0 * * * *":       "every hour, at minute 0",
		"15 */2 * * *":    "every 2 hours, at minute 15",
		"0 3 * * *":       "every day at 03:00",
		"30 9 * * 1-5":    "every Monday to Friday at 09:30",
		"0 0 1 * *":       "on day 1 of the month at 00:00",
		"0 8,20 * * SUN":  "every Sunday at 08:00, 20:00",
		"0 6 1 jan,7 *":   "on day 1 of the month in January, July at 06:00",
		"*/10 * * * * *":  "every 10 seconds",
		"30 0 12 * * *":   "every day at 12:00:30",
		"@daily":          "every day at 00:00",
		"@every 15m":      "every 15m",
		"0 0 13 * 5":      "0 0 13 * 5",
		"*/15 9-17 * * *": "every 15 minutes of the hours 9 to 17",
		"nonsense":        "nonsense",
	} {
		if got := plain(cron); got != want {
			t.Errorf("plain(%q) is %q, want %q", cron, got, want)
		}
	}
}

func TestDiffShowsTheFewestChanges(t *testing.T) {
	t.Parallel()
	var got strings.Builder
	for _, c := range diff("a\nb\nc\nd", "a\nx\nc\nd\ne") {
		got.WriteString(c.Sign + c.Line + "|")
	}
	if want := " a|-b|+x| c| d|+e|"; got.String() != want {
		t.Errorf("the difference is %q, want %q", got.String(), want)
	}
	large := strings.Repeat("x\n", 5000)
	if n := len(diff(large, strings.Repeat("y\n", 5000))); n != 10_001 {
		t.Errorf("the difference of large texts has %d lines, want all", n)
	}
}

func TestProblemsSayWhatToDo(t *testing.T) {
	t.Parallel()
	now := time.Now()
	member := memberQueue{Process: "A", Host: "web-1", State: "consuming", Concurrency: 2, InHand: 2}
	missing := member
	missing.Missing = true
	growing := make([]sample, 30)
	for name, tt := range map[string]struct {
		s    snapshot
		want string
	}{
		"no connection":           {snapshot{Fault: "connection refused"}, "not connected to RabbitMQ: connection refused"},
		"no processes":            {snapshot{Settled: true}, "No process announces itself"},
		"a process is missing":    {snapshot{Processes: []process{{ID: "ABCDEFGHIJ", Host: "web-1", Missing: true, Received: now.Add(-20 * time.Second)}}}, "ABCDEFGH on web-1 has not announced itself for 20 s"},
		"a process is not ready":  {snapshot{Processes: []process{{ID: "A", Host: "web-1", Reasons: []string{"queue q is idle"}}}}, "not ready: queue q is idle"},
		"no consumers":            {snapshot{Settled: true, Processes: []process{{}}, Queues: []queue{{Name: "q", Counted: true, Ready: 12}}}, "Queue q has 12 ready messages and no consumers"},
		"gone with its process":   {snapshot{Settled: true, Queues: []queue{{Name: "q", Counted: true, Ready: 1, Members: []memberQueue{missing}}}}, "1 ready message and no consumers"},
		"overdue handlers":        {snapshot{Queues: []queue{{Name: "q", Overdue: 1, Members: []memberQueue{member}}}}, "1 handler of queue q"},
		"dead letters":            {snapshot{Queues: []queue{{Name: "q", Dead: 1500, DeadRate: 2.5}}}, "1,500 dead letters, and 2.5 more a second"},
		"the queue falls behind":  {snapshot{Queues: []queue{{Name: "q", Ready: 5000, Concurrency: 2, InHand: 2, Members: []memberQueue{member}, history: growing}}}, "falls behind"},
		"a reader of the DLQ":     {snapshot{Queues: []queue{{Name: "q", Readers: 1}}}, "has 1 consumer, and should have none"},
		"no leader":               {snapshot{Groups: []schedulers{{Group: "night", Members: []schedulerMember{{Role: schedule.RoleStandby}}}}}, "No process publishes the schedules of group night"},
		"delays are stuck":        {snapshot{Parkings: []parking{{Queue: "q.delay", For: "q", Fault: "refused"}}}, "Delayed messages of q are not published"},
		"the console cannot hear": {snapshot{Deaf: "access refused"}, "cannot listen to the processes: access refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.s.At = now
			all := problems(&tt.s)
			var text strings.Builder
			for _, p := range all {
				text.WriteString(p.Text + "\n")
				if p.Remedy == "" {
					t.Errorf("%q has no remedy", p.Text)
				}
			}
			if !strings.Contains(text.String(), tt.want) {
				t.Errorf("the problems are\n%s\nwant %q", text.String(), tt.want)
			}
		})
	}
}

func TestWellIsSaidInOneSentence(t *testing.T) {
	t.Parallel()
	s := snapshot{Settled: true, Processes: []process{{Ready: true}}, Queues: []queue{{Name: "q", Counted: true}}}
	s.Problems = problems(&s)
	if got, want := s.verdict(), "All is well: 1 process, 1 queue."; got != want {
		t.Errorf("the verdict is %q, want %q", got, want)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	var h histories
	s := &snapshot{Queues: []queue{{Name: "q"}}}
	for range 3 * maxSamples {
		h.note(s)
	}
	if n := len(h.of("q")); n != maxSamples {
		t.Errorf("a queue has %d samples, want %d", n, maxSamples)
	}
	h.note(&snapshot{})
	if n := len(h.of("q")); n != 0 {
		t.Errorf("a queue that is gone has %d samples", n)
	}
	var r reads
	for i := range 3 * maxReads {
		r.put(&letters{Queue: strings.Repeat("q", i+1), At: time.Now()})
	}
	if len(r.all) != maxReads {
		t.Errorf("%d reads are kept, want %d", len(r.all), maxReads)
	}
	var n notices
	for range 3 * maxNotices {
		n.add(outcome{})
	}
	if len(n.all) != maxNotices {
		t.Errorf("%d outcomes are kept, want %d", len(n.all), maxNotices)
	}
	s.note(make([]fleet.Seen, 0), make([]command, 3*maxCommands))
	if len(s.Commands) != maxCommands {
		t.Errorf("%d commands are kept, want %d", len(s.Commands), maxCommands)
	}
}
