package main

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/warrentest"
	"github.com/warren-mq/warren/worker"
)

// A handler is a function: Handle decodes the body and calls it, without a broker.
func TestAWrongAddressIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	err := warrentest.Handle(t, handler.Typed(send), "ada.example.com")
	if !retry.IsPermanent(err) {
		t.Errorf("got %v, want a permanent error", err)
	}
}

// The real worker runs on a broker in memory. In a synctest bubble the clock is virtual, so
// delays take no real time and are exact.
func TestABusyServerIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := warrentest.NewBroker(t)
		run := warrentest.Run(t, newWorker(b.Config()))
		b.Publish("", queue, "ada@example.com")
		b.WaitIdle()

		want := []warrentest.Outcome{
			{Attempt: 1, Verdict: worker.Retry, Reason: message.ReasonError, Delay: time.Second},
			{Attempt: 2, Verdict: worker.Ack},
		}
		if got := run.Outcomes(queue); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestAWrongAddressIsADeadLetter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := warrentest.NewBroker(t)
		warrentest.Run(t, newWorker(b.Config()))
		b.Publish("", queue, "ada.example.com")
		b.WaitIdle()

		letters := b.DeadLetters(queue)
		if len(letters) != 1 || letters[0].Error != "the address has no @" {
			t.Errorf("got %+v, want one dead letter for the wrong address", letters)
		}
	})
}
