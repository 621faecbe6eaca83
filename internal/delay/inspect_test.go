package delay_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/delay"
)

func TestListReturnsAPageByDueTime(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		for i := range 20 {
			w.deliver(strconv.Itoa(i), "a", time.Duration(30-i)*time.Second, 'x')
		}
		p, err := w.keeper.List(t.Context(), 5, 3)
		if err != nil || p.Held != 20 || p.Flying != 0 {
			t.Fatalf("List returned %d held, %d flying and %v, want 20 and 0", p.Held, p.Flying, err)
		}
		for i, got := range p.Messages {
			due := time.Now().Add(time.Duration(16+i) * time.Second)
			want := delay.Waiting{ID: strconv.Itoa(14 - i), To: delay.Address{Key: "a"}, Due: got.Due, Attempt: 1, Bytes: 1, For: delay.WaitsForDue}
			if got != want || !got.Due.Equal(due) {
				t.Errorf("message %d is %+v, want %+v due %v", i, got, want, due)
			}
		}
		if len(p.Messages) != 3 {
			t.Errorf("%d messages are on the page, want 3", len(p.Messages))
		}
		if p, err = w.keeper.List(t.Context(), 100, -1); err != nil || len(p.Messages) != 0 {
			t.Errorf("a page beyond the end has %d messages, want none (%v)", len(p.Messages), err)
		}
	})
}

func TestMessageReturnsACopy(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.deliver("1", "a", time.Minute, 'x')
		_, m, err := w.keeper.Message(t.Context(), "1")
		if err != nil || m.ID != "1" || string(m.Body) != "x" || m.Headers.String("for") != "a" {
			t.Fatalf("Message returned %+v and %v, want message 1", m, err)
		}
		m.Headers["for"] = "b"
		if _, m, _ = w.keeper.Message(t.Context(), "1"); m.Headers.String("for") != "a" {
			t.Error("the headers of the held message were changed")
		}
		for _, id := range []string{"2", ""} {
			if _, _, err = w.keeper.Message(t.Context(), id); !errors.Is(err, delay.ErrNotHeld) {
				t.Errorf("Message of id %q returned %v, want ErrNotHeld", id, err)
			}
		}
	})
}

func TestReleasePublishesAtOnceAndOnce(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		for i := range 10 {
			w.deliver(strconv.Itoa(i), "a", time.Duration(10+i)*time.Second)
		}
		if n, err := w.keeper.Release(t.Context(), "7"); n != 1 || err != nil {
			t.Fatalf("Release returned %d and %v, want 1", n, err)
		}
		time.Sleep(time.Second)
		if got := w.ids("/a"); !slices.Equal(got, []string{"7"}) {
			t.Errorf("%v were published, want 7 alone", got)
		}
		time.Sleep(time.Minute)
		if got := w.ids("/a"); len(got) != 10 || len(w.acknowledged()) != 10 {
			t.Errorf("%v were published, want each of 10 once", got)
		}
	})
}

func TestDropAcknowledgesWithoutPublishing(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		for i := range 10 {
			w.deliver(strconv.Itoa(i), "a", 10*time.Second)
		}
		if n, err := w.keeper.Drop(t.Context(), "7"); n != 1 || err != nil {
			t.Fatalf("Drop returned %d and %v, want 1", n, err)
		}
		if held, _ := w.keeper.Held(); held != 9 || !slices.Equal(w.acknowledged(), []string{"7"}) {
			t.Errorf("%d are held and %v acknowledged, want 9 and 7", held, w.acknowledged())
		}
		time.Sleep(time.Minute)
		if got := w.ids("/a"); len(got) != 9 || slices.Contains(got, "7") {
			t.Errorf("%v were published, want all but 7", got)
		}
	})
}

// TestAMessageInFlightCannotBeDropped because it may have reached its queue.
func TestAMessageInFlightCannotBeDropped(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.mu.Lock()
		w.taken = time.Minute
		w.mu.Unlock()
		w.deliver("1", "a", 0)
		synctest.Wait()
		if n, err := w.keeper.Drop(t.Context(), "1"); n != 0 || !errors.Is(err, delay.ErrNotHeld) {
			t.Errorf("Drop returned %d and %v, want ErrNotHeld", n, err)
		}
		if p, err := w.keeper.List(t.Context(), 0, 10); err != nil || p.Held != 0 || p.Flying != 1 {
			t.Errorf("List returned %+v and %v, want one in flight", p, err)
		}
		time.Sleep(2 * time.Minute)
		if got := w.acknowledged(); !slices.Equal(got, []string{"1"}) {
			t.Errorf("%v were acknowledged, want 1", got)
		}
	})
}

func TestWhatWaitsForItsTargetCanBeDropped(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.refuses(func(string, string) error { return amqp.ErrNacked })
		for i := range 10 {
			w.deliver(strconv.Itoa(i), "full", time.Second)
		}
		w.deliver("later", "full", time.Minute)
		time.Sleep(3 * time.Second)
		p, err := w.keeper.List(t.Context(), 0, 100)
		if err != nil || len(p.Messages) < 10 || p.Messages[0].For != delay.WaitsForTarget || p.Messages[len(p.Messages)-1].For != delay.WaitsForDue {
			t.Fatalf("List returned %+v and %v, want ten that wait for their target and one that waits for its due time", p, err)
		}
		dropped := p.Messages[0].ID
		if _, err := w.keeper.Drop(t.Context(), dropped); err != nil {
			t.Fatal(err)
		}
		if n, err := w.keeper.Release(t.Context(), "later"); n != 1 || err != nil {
			t.Fatalf("Release returned %d and %v, want 1", n, err)
		}
		w.refuses(func(string, string) error { return nil })
		time.Sleep(30 * time.Second)
		if n, _ := w.keeper.Held(); n != 0 || len(w.acknowledged()) != 11 {
			t.Errorf("%d are held and %d acknowledged, want 0 and 11", n, len(w.acknowledged()))
		}
	})
}

func TestAMessageTakenBackCannotBeDropped(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		d := w.deliver("1", "a", time.Minute)
		close(d.lost)
		if n, err := w.keeper.Drop(t.Context(), "1"); n != 0 || !errors.Is(err, delay.ErrNotHeld) {
			t.Errorf("Drop returned %d and %v, want ErrNotHeld", n, err)
		}
	})
}

func TestAQuestionAfterTheStopEndsWithItsContext(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.stop()
		<-w.done
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := w.keeper.List(ctx, 0, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("List returned %v, want the end of its context", err)
		}
	})
}
