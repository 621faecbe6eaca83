package schedule_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/schedule"
)

func TestRunNowPublishesAMessageApartFromTheTicks(t *testing.T) {
	versions(t, devbroker.Config{}, func(b *bubble) {
		b.declare("reports", nil)
		entries := []schedule.Entry{
			{Name: "often", Cron: "*/5 * * * *", Timezone: "Europe/Rome", Key: "reports"},
			{Name: "lost", Cron: "0 4 * * *", Key: "no-such-queue"},
		}
		leader := b.run(entries)
		synctest.Wait()
		standby := b.run(entries)
		time.Sleep(time.Minute)

		began := time.Now()
		id, err := leader.RunNow(b.t.Context(), "often")
		if want := "often/" + began.UTC().Truncate(time.Second).Format(time.RFC3339) + "/run-now"; err != nil || id != want {
			b.t.Errorf("got %q, %v; want %q", id, err, want)
		}
		for name, tt := range map[string]struct {
			at    *running
			entry string
			want  error
		}{
			"a process that stands by": {standby, "often", schedule.ErrNotLeader},
			"an unknown entry":         {leader, "weekly", schedule.ErrUnknownEntry},
			"an entry without a queue": {leader, "lost", nil},
		} {
			if _, err := tt.at.RunNow(b.t.Context(), tt.entry); err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				b.t.Errorf("%s: got %v, want %v", name, err, tt.want)
			}
		}
		if got := leader.Health(); got.Role != schedule.RoleLeader || !got.Ready {
			b.t.Errorf("after the failures the health is %+v, want a leader that is ready", got)
		}
		time.Sleep(5 * time.Minute)
		if got := b.ids("reports"); len(got) != 2 || got[0] != id || strings.Contains(got[1], "run-now") {
			b.t.Errorf("published are %v, want %s and one tick", got, id)
		}
		if ran := seen[schedule.RanNow](leader); !slices.Equal(ran, []schedule.RanNow{{Entry: "often", MessageID: id}}) {
			b.t.Errorf("the events are %+v", ran)
		}
		leader.end()
		if _, err := leader.RunNow(b.t.Context(), "often"); !errors.Is(err, schedule.ErrNotLeader) {
			b.t.Errorf("after its end: got %v, want ErrNotLeader", err)
		}
		standby.end()
	})
}

func TestRunNowStopsWaitingWithItsContext(t *testing.T) {
	t.Parallel()
	inBubble(t, devbroker.Config{}, func(b *bubble) {
		b.declare("reports", nil)
		r := b.run(every("1h"))
		time.Sleep(time.Minute)
		ctx, cancel := context.WithCancel(b.t.Context())
		cancel()
		_, err := r.RunNow(ctx, "e")
		synctest.Wait()
		if got := b.ids("reports"); !errors.Is(err, context.Canceled) || len(got) > 0 {
			b.t.Errorf("got %v and the messages %v, want that the call has ended and none", err, got)
		}
		r.end()
	})
}
