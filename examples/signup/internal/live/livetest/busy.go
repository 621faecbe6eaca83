package livetest

import (
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/live"
)

// Busy returns a demo whose snapshot has a value in every field.
func Busy() *Demo {
	s := signup()
	return &Demo{
		State: live.Snapshot{
			At: noon(), Broker: live.Broker{Name: "embedded broker", Connected: true, Losses: 2, Cut: &live.Cut{Reconnected: 90 * time.Millisecond, InHand: 8}},
			Outbox:   live.Outbox{Waiting: 14, Oldest: 80 * time.Millisecond, Published: 11_204},
			Exchange: live.Exchange{Name: "events", Type: "topic", Rate: 412},
			Queues:   queues(),
			MailServer: live.MailServer{
				Mode: live.MailSlow, Delay: 2 * time.Second, Accepted: 13_573, Failed: 212,
				Bounces: []string{"bob@example.test"},
			},
			NewWay: live.Latency{Count: 11_204, P50: 65 * time.Millisecond, P99: 148 * time.Millisecond},
			OldWay: live.Latency{Count: 10, P50: 2030 * time.Millisecond, P99: 4110 * time.Millisecond},
			Recent: []live.Signup{
				s,
				{ID: "6", Email: "bob@example.test", At: noon(), Took: 2 * time.Millisecond, State: live.Dead},
				{ID: "5", Email: "cleo@example.test", At: noon(), Took: 2 * time.Second, Sync: true, State: live.Done},
				{ID: "4", Email: "dan@example.test", At: noon(), Took: 3 * time.Millisecond, State: live.Working},
				{ID: "3", Email: "eve@example.test", At: noon(), Took: 3 * time.Millisecond, State: live.Waiting},
			},
			Story: story(),
			Reset: &live.Reset{Flood: 9000, Position: 12, Took: 310 * time.Millisecond},
			Doing: "Signing up: 9,204 of 10,000.",
		},
		Followed: live.Journey{Signup: s, Verified: true, Steps: journey()},
		Mails:    mails(),
	}
}

func queues() []live.Queue {
	return []live.Queue{
		{
			Name: "welcome-email", What: "sends the welcome mail", SendsMail: true, MaxPriority: 10,
			Bindings: []string{"user.signed_up", "email.password_reset"},
			Ready:    8_431, InHand: 8, Concurrency: 8, Rate: 37, Done: 2_773, Retrying: 31, DeadQueue: "welcome-email.dlq", Dead: 4,
		},
		{
			Name: "verification-email", What: "sends the mail to verify the address", SendsMail: true,
			Bindings: []string{"user.signed_up"},
			Ready:    120, InHand: 3, Concurrency: 4, Rate: 41, Done: 10_800, DeadQueue: "verification-email.dlq",
		},
		{
			Name: "analytics", What: "counts by minute and domain", Bindings: []string{"user.#"},
			Concurrency: 2, Rate: 412, Done: 11_204, DeadQueue: "analytics.dlq",
		},
		{
			Name: "billing", What: "begins the trial", Bindings: []string{"user.signed_up"},
			Ready: 3, InHand: 1, Concurrency: 1, Done: 11_190, DeadQueue: "billing.dlq",
		},
	}
}

func story() []live.Chapter {
	return []live.Chapter{
		{Title: "Sign up both ways", About: "Five people sign up with an event, and one the old way.", Result: "An answer takes 65 ms, and 2.03 s the old way."},
		{Title: "Stop the mail server", About: "Twenty people sign up meanwhile.", Result: "20 answers in 66 ms each; 40 mails are dead letters."},
		{Title: "Fix it and replay", About: "The dead letters go back to their queues.", Playing: true},
		{Title: "Kill the connection", About: "The broker delivers again what was in hand.", Result: "Reconnecting took too long.", Bad: true},
		{Title: "Reset a password", About: "Its mail overtakes 9,000 mails that wait."},
	}
}

func mails() []live.Mail {
	return []live.Mail{
		{
			ID: "m3", Number: 3, At: noon(), From: "signup@example.test", To: "ada@example.test", Kind: "password reset",
			Subject: "Set a new password", Text: "Follow this link:\nhttp://127.0.0.1/reset/confirm?token=t",
			Links: []string{"http://127.0.0.1/reset/confirm?token=t"}, Account: "7",
		},
		{
			ID: "m2", Number: 2, At: noon(), From: "signup@example.test", To: "ada@example.test", Kind: "verification",
			Subject: "Is this your address?", Text: "http://127.0.0.1/verify?token=v",
			Links: []string{"http://127.0.0.1/verify?token=v", "javascript:alert(1)"}, Account: "7",
		},
		{ID: "m1", Number: 1, At: noon(), From: "signup@example.test", To: "bob@example.test", Kind: "welcome", Subject: "Welcome", Text: "Hello, Bob."},
	}
}

func journey() []live.Step {
	at := func(ms int) time.Time { return noon().Add(time.Duration(ms) * time.Millisecond) }
	return []live.Step{
		{At: at(2), Where: "service", What: "saved the account and its event in one transaction", State: live.Done, Took: 2 * time.Millisecond},
		{At: at(14), Where: "outbox", What: "published user.signed_up; the broker confirmed it", State: live.Done, Took: 4 * time.Millisecond},
		{At: at(20), Where: "analytics", What: "counted", State: live.Done, Attempt: 1, Took: time.Millisecond},
		{At: at(21), Where: "welcome-email", What: "sending the welcome mail", State: live.Working, Attempt: 1},
		{
			At: at(25), Where: "welcome-email", What: "could not send the mail", State: live.Retrying, Attempt: 1, Took: 4 * time.Millisecond,
			Detail: "dial tcp 127.0.0.1:2525: connect: connection refused; again in 500 ms",
		},
		{
			At: at(540), Where: "verification-email", What: "dead-lettered the message", State: live.Dead, Attempt: 5,
			Detail: "dial tcp 127.0.0.1:2525: connect: connection refused",
		},
		{At: at(900), Where: "verification-email", What: "back from the dead letters", State: live.Replayed, Detail: "by the live page"},
	}
}
