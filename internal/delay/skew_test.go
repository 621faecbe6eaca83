package delay_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

func TestTheClockSkewIsTheShortestWayOfAMessage(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		if _, ok := w.keeper.Skew(); ok {
			t.Error("a skew was measured without a message")
		}
		sent := func(ago time.Duration) {
			m := message.Message{ID: ago.String(), Headers: message.Headers{
				"for": "a", record.HeaderDueSent: time.Now().Add(-ago).UTC().Format(time.RFC3339Nano),
			}}
			w.hand(m, time.Second)
			synctest.Wait()
		}
		for _, ago := range []time.Duration{time.Second, -3 * time.Second, time.Minute} {
			sent(ago)
		}
		if got, ok := w.keeper.Skew(); got != -3*time.Second || !ok {
			t.Errorf("the skew is %v, want -3s: the publisher's clock is ahead", got)
		}
		time.Sleep(2 * time.Minute)
		sent(5 * time.Millisecond)
		if got, _ := w.keeper.Skew(); got != 5*time.Millisecond {
			t.Errorf("the skew is %v two minutes later, want 5ms", got)
		}
		if n := len(w.sent("/a")); n != 3 {
			t.Errorf("%d messages were published, want 3", n)
		}
		if got := w.sent("/a")[0].m.Headers; got[record.HeaderDueSent] != nil {
			t.Errorf("a message was published with the headers %v, want none of the parking queue", got)
		}
	})
}
