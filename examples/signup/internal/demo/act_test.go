package demo_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/live"
	"github.com/warren-mq/warren/internal/rabbit"
)

func TestButtonsDoWhatTheySay(t *testing.T) {
	d := start(t)
	rabbit.Eventually(t, time.Minute, func() bool { return len(d.Snapshot().Queues) == 4 }, "the snapshot has four queues")
	welcome := d.Snapshot().Queues[0].Name

	for name, tt := range map[string]struct {
		action live.Action
		says   string
	}{
		"an unknown verb":              {live.Action{Verb: "dance"}, `unknown action "dance"`},
		"an unknown queue":             {live.Action{Verb: live.Scale, Queue: "x", Concurrency: 2}, `queue "x"`},
		"no workers":                   {live.Action{Verb: live.Scale, Queue: welcome}, "to 0 workers"},
		"a replay of a queue not here": {live.Action{Verb: live.Replay, Queue: "x"}, `no queue "x"`},
		"a bounce of no address":       {live.Action{Verb: live.Bounce, Address: "x"}, `"x" is not an e-mail address`},
	} {
		t.Run(name, func(t *testing.T) {
			if said, err := d.Do(t.Context(), tt.action); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %q, %v; want %q", said, err, tt.says)
			}
		})
	}
	if _, err := d.Do(t.Context(), live.Action{Verb: live.Scale, Queue: welcome, Concurrency: 3}); err != nil {
		t.Error(err)
	}
	rabbit.Eventually(t, time.Minute, func() bool { return d.Snapshot().Queues[0].Concurrency == 3 }, "the queue has 3 workers")
	if _, ok := d.Journey("nobody"); ok {
		t.Error("Journey returns a journey for an unknown id")
	}
	for _, id := range []string{"x", "0", "1", "-1"} {
		if _, ok := d.Mail(id); ok {
			t.Errorf("there is a mail %s", id)
		}
	}
}

func TestALargeCrowdIsNotMeasuredAndRunsAlone(t *testing.T) {
	const crowd = 150
	d := start(t)
	if said, err := d.Do(t.Context(), live.Action{Verb: live.SignUp, Count: crowd}); err != nil || said != "Signing up 150 people." {
		t.Fatalf("got %q, %v", said, err)
	}
	if _, err := d.Do(t.Context(), live.Action{Verb: live.Replay}); err == nil || !strings.Contains(err.Error(), "wait until it ends") {
		t.Errorf("got %v, want that another action is running", err)
	}
	rabbit.Eventually(t, time.Minute, func() bool {
		s := d.Snapshot()
		return s.MailServer.Accepted == 2*crowd && s.Doing == "" && s.Queues[2].Done == crowd && s.Outbox.Waiting == 0
	}, "everybody has two mails and is counted")
	s := d.Snapshot()
	if s.NewWay.Count != 0 || len(s.Recent) != 10 || s.Outbox.Published != crowd || s.MailServer.Accepted != 2*crowd {
		t.Errorf("got %+v", s)
	}
	if _, err := d.Do(t.Context(), live.Action{Verb: live.SignUp, Count: 1}); err != nil {
		t.Fatal(err)
	}
	rabbit.Eventually(t, time.Minute, func() bool { return d.Snapshot().NewWay.Count == 1 }, "one answer is counted")
	id := d.Snapshot().Recent[0].ID
	rabbit.Eventually(t, time.Minute, func() bool {
		j, ok := d.Journey(id)
		return ok && j.State == live.Done && len(j.Steps) == 8
	}, "the journey has the service, the outbox, four queues and two mails")
	j, _ := d.Journey(id)
	for _, want := range []string{"sent the welcome mail", "sent the mail to confirm the address", "counted the sign-up", "began the trial"} {
		if !slices.ContainsFunc(j.Steps, func(s live.Step) bool { return s.What == want }) {
			t.Errorf("no step says %q: %+v", want, j.Steps)
		}
	}
	if s := d.Snapshot(); s.Ended != "Signed up 1 person." {
		t.Errorf("the result is %q", s.Ended)
	}
}
