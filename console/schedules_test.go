package console_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/warren-mq/warren/fleet"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/schedule"
	"github.com/warren-mq/warren/worker"
)

// TestAScheduleIsRunNow has a real scheduler announced by a worker, as the runner does it.
func TestAScheduleIsRunNow(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	group := b.queue + "-group"
	s := schedule.New(schedule.Config{
		Name: group, Broker: b.cfg, Logger: slog.New(slog.DiscardHandler),
		Entries: []schedule.Entry{{Name: "report", Cron: "30 3 1 1 *", Key: b.queue}},
	})
	got := make(chan string, 4)
	w := worker.New(worker.Config{Broker: b.cfg, Logger: slog.New(slog.DiscardHandler), Fleet: &fleet.Config{
		Schedule: func() fleet.Schedule {
			h := s.Health()
			return fleet.Schedule{Group: group, Role: h.Role, Reasons: h.Reasons}
		},
		RunSchedule: s.RunNow,
	}})
	w.Queue(worker.Queue{Name: b.queue, Retry: retry.Policy{MaxAttempts: 1}}).Handle("#", handler.Func(func(_ context.Context, m *message.Message) error {
		got <- m.ID
		return nil
	}))
	b.background(w.Run)
	b.background(s.Run)
	t.Cleanup(func() { b.delete("warren.schedule.token."+group, "warren.schedule.state."+group) })

	b.eventually("the leader of the group and its schedule are known", func() bool { return b.leads(group, "report") })
	if page := b.page("schedules"); !strings.Contains(page, `<span class="state done">leading</span>`) {
		t.Errorf("the page shows no leader:\n%s", page)
	}
	if page := b.page(""); strings.Contains(page, "No process publishes the schedules of group "+group) {
		t.Error("the overview reports that the group has no leader")
	}
	b.eventually("the button is shown", func() bool {
		return strings.Contains(b.page("schedules"), `Run now<span class="hide"> schedule report`)
	})
	d := b.must("schedules/run-now", map[string]any{"group": group, "schedule": "report"})
	if id := <-got; !strings.HasPrefix(id, "report/") || !strings.HasSuffix(id, "/run-now") || !strings.Contains(string(d.Detail), id) {
		t.Errorf("the message is %q, and the answer %s", id, d.Detail)
	}
	if log := b.log.String(); !strings.Contains(log, "schedule=report") {
		t.Errorf("the log does not name the schedule:\n%s", log)
	}
	for name, tt := range map[string]struct {
		arguments map[string]any
		want      int
	}{
		"without a group":    {map[string]any{"schedule": "report"}, http.StatusBadRequest},
		"an unknown group":   {map[string]any{"group": "no", "schedule": "report"}, http.StatusNotFound},
		"an unknown entry":   {map[string]any{"group": group, "schedule": "weekly"}, http.StatusBadGateway},
		"without a schedule": {map[string]any{"group": group}, http.StatusBadRequest},
	} {
		if status, d := b.act("schedules/run-now", tt.arguments); status != tt.want || d.Error == "" {
			t.Errorf("%s: status %d, %q; want %d", name, status, d.Error, tt.want)
		}
	}
}

// leads reports whether the console knows a leader of the group, and the schedule. Other tests have
// groups on the same broker.
func (b *bench) leads(group, name string) bool {
	b.t.Helper()
	var page struct {
		Groups []struct {
			Group   string
			Members []struct{ Role string }
			Entries []struct{ Name string }
		}
	}
	b.get("schedules", &page)
	for _, g := range page.Groups {
		if g.Group == group && len(g.Members) == 1 && len(g.Entries) == 1 {
			return g.Members[0].Role == schedule.RoleLeader && g.Entries[0].Name == name
		}
	}
	return false
}

// background runs f until the test ends.
func (b *bench) background(f func(context.Context) error) {
	b.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f(ctx) }()
	b.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			b.t.Errorf("Run returned %v", err)
		}
	})
}

// delete deletes queues.
func (b *bench) delete(queues ...string) {
	b.t.Helper()
	for _, q := range queues {
		if _, err := b.channel.QueueDelete(q, false, false, false); err != nil {
			b.t.Error(err)
		}
	}
}
