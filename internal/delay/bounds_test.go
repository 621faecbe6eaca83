package delay_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/delay"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

// prefetch is the prefetch of a parking queue with messages of 14 KiB, so that it cannot grow.
const prefetch = 2048

func large() []byte { return make([]byte, 14<<10) }

// wantOnTime fails if the messages for where were not published when they were due.
func (w *world) wantOnTime(where string, began time.Time, due time.Duration, n int) {
	w.t.Helper()
	got := w.sent(where)
	if len(got) != n {
		w.t.Errorf("%d messages were published to %s, want %d", len(got), where, n)
	}
	for _, p := range got {
		if late := p.at.Sub(began) - due; late < 0 || late > time.Millisecond {
			w.t.Errorf("message %s was published to %s %v after it was due, want 1ms at most", p.id, where, late)
			return
		}
	}
}

func (w *world) wantRoom() {
	w.t.Helper()
	if n, _ := w.keeper.Held(); n > prefetch*4/5 {
		w.t.Errorf("%d messages are held of a prefetch of %d, want room for what is due soon", n, prefetch)
	}
}

func TestMessagesThatAreDueLaterLeaveRoomForThoseDueSoon(t *testing.T) {
	in(t, func(_ *testing.T, w *world) {
		w.keeper.Resize(prefetch)
		for i := range prefetch {
			w.deliver(strconv.Itoa(i), "a", time.Minute, large()...)
		}
		synctest.Wait()
		w.wantRoom()
	})
}

func TestMessagesForAFullQueueLeaveRoomForOthers(t *testing.T) {
	in(t, func(_ *testing.T, w *world) {
		w.keeper.Resize(prefetch)
		w.refusesAt("/full", amqp.ErrNacked)
		for i := range prefetch {
			w.deliver(strconv.Itoa(i), "full", 0, large()...)
		}
		time.Sleep(15 * time.Second)
		w.wantRoom()
	})
}

func TestAllMessagesForAFullQueueWaitInLevelsAfterMinutes(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.refusesAt("/full", amqp.ErrNacked)
		for i := range 100 {
			w.deliver(strconv.Itoa(i), "full", 0)
		}
		time.Sleep(6 * time.Minute)
		if n, _ := w.keeper.Held(); n != 0 {
			t.Errorf("%d messages are held after 6 min, want none: RabbitMQ closes the channel after 30", n)
		}
	})
}

// An exchange refuses a message if one of several queues does, and the others then have it.
func TestAnExchangeThatRefusesGetsFewCopies(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.refusesAt("events/a", amqp.ErrNacked)
		began := time.Now()
		for i := range 100 {
			w.deliver(strconv.Itoa(i), "events/a", time.Second)
		}
		time.Sleep(2 * time.Second)
		w.wantOnTime("events/a", began, time.Second, 100)
		time.Sleep(3 * time.Minute)
		if n := len(w.sent("events/a")); n > 400 {
			t.Errorf("100 messages were published %d times in 3 min, want after 10, 20 and 40 s only", n)
		}
		parked := w.sent("level:")
		if len(parked) != 100 || parked[0].m.Headers[record.HeaderDueRefusals] != int64(4) {
			t.Fatalf("%d messages are in levels, want 100 that were refused 4 times", len(parked))
		}
		w.refuses(func(string, string) error { return amqp.ErrNacked })
		again := parked[0].m
		w.hand(again, 0)
		time.Sleep(time.Second)
		if last := w.sent("level:"); len(last) != 101 || last[100].where != "level:2m8s:q.delay" {
			t.Errorf("a message that was refused a fifth time went to %s, want a longer level", last[len(last)-1].where)
		}
	})
}

func TestWhatDoesNotAnswerHoldsUpNoOther(t *testing.T) {
	for _, silent := range []string{"/silent", "level:"} {
		t.Run(silent, func(t *testing.T) {
			in(t, func(t *testing.T, w *world) {
				w.silent = func(where string) bool { return strings.HasPrefix(where, silent) }
				began := time.Now()
				for i := range 1000 {
					w.deliver("silent-"+strconv.Itoa(i), "silent", 0)
					w.deliver("far-"+strconv.Itoa(i), "a", time.Hour)
					w.deliver("well-"+strconv.Itoa(i), "well", time.Second)
				}
				time.Sleep(20 * time.Second)
				w.wantOnTime("/well", began, time.Second, 1000)
				w.mu.Lock()
				defer w.mu.Unlock()
				if len(w.failures) != 1 {
					t.Errorf("failures were reported of %v, want one place that does not answer", w.failures)
				}
			})
		})
	}
}

func TestManyTargetsThatDoNotAnswerHoldUpOthersForSeconds(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.silent = func(where string) bool { return strings.HasPrefix(where, "/silent") }
		for i := range 1000 {
			w.deliver(strconv.Itoa(i), fmt.Sprintf("silent-%d", i%4), 0)
		}
		began := time.Now()
		w.deliver("well", "well", time.Second)
		time.Sleep(time.Minute)
		if got := w.sent("/well"); len(got) != 1 || got[0].at.Sub(began) > 21*time.Second {
			t.Errorf("the message was published as %v, want within 21 s", got)
		}
	})
}

func TestAStopDoesNotWaitForTheConnection(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.mu.Lock()
		w.offline = make(chan struct{})
		w.mu.Unlock()
		for i := range 1000 {
			w.deliver(strconv.Itoa(i), "a", 0)
		}
		began := time.Now()
		w.stop()
		<-w.done
		if took := time.Since(began); took > time.Second {
			t.Errorf("the stop took %v, want less than 1 s", took)
		}
	})
}

func TestMessagesLargerThanBeforeAreRequeued(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		resize := w.keeper.Resize(16 << 10)
		body := make([]byte, 1<<20)
		for i := range 200 {
			w.deliver(strconv.Itoa(i), "a", 2*time.Second, body...)
		}
		synctest.Wait()
		if _, bytes := w.keeper.Held(); bytes > 66<<20 {
			t.Errorf("%d MiB are held, want 66 at most", bytes>>20)
		}
		w.mu.Lock()
		returned := len(w.returned)
		w.mu.Unlock()
		if n, _ := w.keeper.Held(); n+returned != 200 {
			t.Errorf("%d are held and %d requeued, want 200 together", n, returned)
		}
		select {
		case <-resize:
		default:
			t.Error("no other prefetch was asked for")
		}
		if got := w.keeper.Better(16 << 10); got != delay.FirstPrefetch {
			t.Errorf("the better prefetch is %d, want %d", got, delay.FirstPrefetch)
		}
	})
}

func TestThePrefetchGrowsWhileMessagesAreSmall(t *testing.T) {
	for _, tt := range []struct {
		name       string
		size, want int
	}{
		{"small messages", 100, 4 << 10},
		{"messages of 20 KiB", 20 << 10, 1560},
		{"messages of 1 MiB", 1 << 20, 32},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in(t, func(t *testing.T, w *world) {
				n := delay.FirstPrefetch
				for i := range tt.want {
					w.deliver(strconv.Itoa(i), "a", 10*time.Second, make([]byte, tt.size)...)
					synctest.Wait()
					n = w.keeper.Better(n)
				}
				if n < tt.want*9/10 || n > tt.want {
					t.Errorf("the prefetch has grown to %d, want about %d", n, tt.want)
				}
			})
		})
	}
}

func TestTargetsAreForgotten(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.refusesAt("events/order-", amqp.ErrUnroutable)
		for i := range 500 {
			w.deliver(strconv.Itoa(i), fmt.Sprintf("events/order-%d", i), 0)
			w.deliver("well"+strconv.Itoa(i), fmt.Sprintf("well-%d", i), 0)
		}
		time.Sleep(3 * time.Minute)
		if n := len(w.sent("stranded")); n != 500 {
			t.Errorf("%d messages went to the queue for messages without a destination, want 500", n)
		}
		if n := w.keeper.Targets(t.Context()); n != 0 {
			t.Errorf("%d targets are remembered, want none", n)
		}
	})
}

func TestNestedHeadersCountAsMemory(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		list := make([]any, 1000)
		for i := range list {
			list[i] = map[string]any{"key": strings.Repeat("x", 50)}
		}
		w.hand(message.Message{ID: "1", Headers: message.Headers{"for": "a", "nested": list}}, time.Minute)
		synctest.Wait()
		if _, bytes := w.keeper.Held(); bytes < 100_000 {
			t.Errorf("the message counts as %d bytes, want 100,000 or more", bytes)
		}
	})
}

// A target that does not confirm large messages must leave room for others in the window of
// the publisher, which has 32 MiB.
func TestATargetThatDoesNotAnswerTakesAQuarterOfTheMemory(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.silent = func(where string) bool { return where == "/silent" }
		for i := range 60 {
			w.deliver(strconv.Itoa(i), "silent", 0, make([]byte, 1<<20)...)
		}
		time.Sleep(time.Minute)
		if n := len(w.sent("/silent")); n > 9 {
			t.Errorf("%d messages of 1 MiB are in flight to the target, want 9 at most", n)
		}
	})
}
