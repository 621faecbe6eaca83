package demo

import (
	"errors"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/examples/signup/internal/app"
	"github.com/warren-mq/warren/examples/signup/internal/catcher"
	"github.com/warren-mq/warren/examples/signup/internal/event"
	"github.com/warren-mq/warren/examples/signup/internal/live"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/worker"
)

func TestAJourneySaysWhatBecameOfATask(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	for name, tt := range map[string]struct {
		queue, key string
		settled    worker.Settled
		want       string
		state      live.State
	}{
		"done":            {app.BillingQueue, event.SignedUpKey, worker.Settled{}, "began the trial", live.Done},
		"another message": {app.WelcomeQueue, event.PasswordResetKey, worker.Settled{}, "sent the link for a new password", live.Done},
		"of a known one":  {app.WelcomeQueue, event.SignUpKnownKey, worker.Settled{}, "sent a notice to the owner of the address", live.Done},
		"failed": {
			app.WelcomeQueue, event.SignedUpKey,
			worker.Settled{Outcome: worker.Outcome{Verdict: worker.Retry, Err: boom, Delay: 512 * time.Millisecond}},
			"could not send the welcome mail; tries again in 500 ms", live.Retrying,
		},
		"at another worker": {
			app.WelcomeQueue, event.SignedUpKey,
			worker.Settled{Outcome: worker.Outcome{Verdict: worker.Retry, Err: retry.Snooze(5 * time.Second), Delay: 5 * time.Second}},
			"another worker is handling it; tries again in 5 s", live.Retrying,
		},
		"dead-lettered": {
			app.AnalyticsQueue, event.SignedUpKey,
			worker.Settled{Outcome: worker.Outcome{Verdict: worker.DeadLetter, Err: boom}},
			"could not count the sign-up; the message is now a dead letter", live.Dead,
		},
		"given back": {
			app.AnalyticsQueue, event.SignedUpKey,
			worker.Settled{Outcome: worker.Outcome{Verdict: worker.Release}},
			"requeued the message", live.Waiting,
		},
		"lost": {
			app.AnalyticsQueue, event.SignedUpKey,
			worker.Settled{SettleErr: broker.ErrStale},
			"lost the connection before the acknowledgement: the broker delivers the message again", live.Waiting,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := watch{prefix: "p."}
			tt.settled.Queue = "p." + tt.queue
			tt.settled.Message = &message.Message{Queue: "p." + tt.queue, RoutingKey: tt.key}
			if s := w.step(tt.settled, time.Now()); s.What != tt.want || s.State != tt.state {
				t.Errorf("got %q and %s, want %q and %s", s.What, s.State, tt.want, tt.state)
			}
		})
	}
}

func TestMessagesThatNeverReachedTheBrokerAreNotCounted(t *testing.T) {
	t.Parallel()
	var w watch
	w.onWorker(worker.Settled{Queue: "q", Message: &message.Message{Queue: "q"}, SettleErr: broker.ErrStale})
	w.onWorker(worker.Settled{Queue: "q", Message: &message.Message{Queue: "q"}})
	if done, failed := w.count("q"); done != 1 || failed != 0 {
		t.Errorf("%d done and %d failed, want 1 done: the broker delivers the other again", done, failed)
	}
}

func TestALostConnectionIsCountedOnce(t *testing.T) {
	t.Parallel()
	var w watch
	w.onWorker(worker.SessionDown{Role: "consume"})
	w.onWorker(worker.SessionDown{Role: "publish"})
	if n := w.losses.Load(); n != 1 {
		t.Errorf("%d connection losses, want 1", n)
	}
}

func TestAFloodChangesNoOtherJourney(t *testing.T) {
	t.Parallel()
	var w watch
	w.onMail(catcher.Mail{Account: floodAccount + "1"})
	w.onMail(catcher.Mail{Account: "1"})
	if len(w.journeys.byID) != 1 || w.journeys.byID["1"] == nil {
		t.Errorf("got the journeys %v, want only the journey of 1", w.journeys.byID)
	}
}

func TestWithoutAConnectionTheDepthIsWhatItWas(t *testing.T) {
	t.Parallel()
	l := looker{broker: amqp.NewConnector(amqp.Config(broker.Config{}), "watch", nil), depths: map[string]int{"q": 7}}
	if n := l.depth(t.Context(), "q"); n != 7 {
		t.Errorf("the depth is %d, want 7", n)
	}
}

func TestAJourneyOfTheOldWayIsInTheOrderOfTime(t *testing.T) {
	t.Parallel()
	var w watch
	now := time.Now()
	w.onMail(catcher.Mail{Account: "1", At: now.Add(time.Second)})
	w.onAnswer(live.Signup{ID: "1", At: now, Took: 2 * time.Second, Sync: true})
	if j, _ := w.journeys.get("1", nil); len(j.Steps) != 2 || j.Steps[1].Where != "service" {
		t.Errorf("got the steps %+v, want the mail before the answer", j.Steps)
	}
}

func TestASignUpWithAKnownAddressEndsWithAMailToItsOwner(t *testing.T) {
	t.Parallel()
	var w watch
	queues := []string{app.WelcomeQueue, app.VerificationQueue}
	w.onAnswer(live.Signup{ID: "1", At: time.Now(), Known: true})
	if j, _ := w.journeys.get("1", queues); j.State != live.Waiting || len(j.Steps) != 1 {
		t.Errorf("got %+v, want state waiting", j)
	}
	m := &message.Message{Queue: app.WelcomeQueue, RoutingKey: event.SignUpKnownKey, CorrelationID: "1"}
	w.onWorker(worker.Settled{Queue: app.WelcomeQueue, Message: m})
	if j, _ := w.journeys.get("1", queues); j.State != live.Done || len(j.Steps) != 2 {
		t.Errorf("got %+v, want state done", j)
	}
}

func TestACutCountsTheMessagesWhoseOutcomeIsOutstanding(t *testing.T) {
	t.Parallel()
	var w watch
	of := func(id string) *message.Message { return &message.Message{Queue: "q", ID: id} }
	for _, id := range []string{"1", "2"} {
		w.begun(of(id))
	}
	w.onWorker(worker.SessionUp{Role: "consume"}) // before the cut
	w.beginCut(time.Now().Add(-time.Second))
	if c := w.lastCut(); c.InHand != 2 || c.Outstanding != 2 || c.Reconnected != 0 {
		t.Errorf("at the cut: got %+v", c)
	}
	w.onWorker(worker.Settled{Queue: "q", Message: of("1"), SettleErr: broker.ErrStale})
	w.onWorker(worker.SessionUp{Role: "publish"})
	w.onWorker(worker.SessionUp{Role: "consume"})
	w.onWorker(worker.Settled{Queue: "q", Message: of("2")})
	if c := w.lastCut(); c.Outstanding != 1 || c.Reconnected < time.Second {
		t.Errorf("after the reconnect: got %+v, want one message outstanding, whose outcome was stale", c)
	}
	w.begun(of("1"))
	w.onWorker(worker.Settled{Queue: "q", Message: of("1")})
	if c := w.lastCut(); c.Outstanding != 0 || w.handling() != 0 {
		t.Errorf("after the second delivery: got %+v and %d in hand, want 0 and 0", c, w.handling())
	}
}

func TestAJourneyShowsItsReplayOnce(t *testing.T) {
	t.Parallel()
	var w watch
	at := time.Now().UTC()
	w.onAnswer(live.Signup{ID: "1", At: at.Add(-time.Minute)})
	m := &message.Message{Queue: "q", CorrelationID: "1", Attempt: 1, Headers: message.Headers{
		record.HeaderReplayedAt: at.Format(time.RFC3339Nano), record.HeaderReplayedBy: "Ada",
	}}
	w.journeys.replayed(&message.Message{Queue: "q", CorrelationID: "1", Attempt: 1}) // never replayed
	for _, attempt := range []int{1, 1, 2} {                                          // delivered twice, and then retried
		m.Attempt = attempt
		w.journeys.replayed(m)
	}
	j, _ := w.journeys.get("1", []string{"q"})
	if len(j.Steps) != 2 || j.Steps[1].State != live.Replayed || j.Steps[1].Detail != "by Ada" || j.State != live.Replayed {
		t.Errorf("got %+v, want the answer and one replay", j)
	}
}
