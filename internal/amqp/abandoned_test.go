package amqp_test

import (
	"context"
	"testing"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/amqp/leader"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/topology"
)

// TestAnAbandonedCallIsNotWritten cuts calls short at many moments. The race detector
// fails it if an answer that comes later is written where the caller reads. The session
// survives: no channel is closed twice.
func TestAnAbandonedCallIsNotWritten(t *testing.T) {
	t.Parallel()
	url, queue := rabbit.URL(t), rabbit.Queue(t)
	session, err := amqp.Dial(t.Context(), amqp.Config{URL: url, Dial: rabbit.Dial}, "test")
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Declare(t.Context(), topology.Topology{Queues: []topology.Queue{{Name: queue}}}); err != nil {
		t.Fatal(err)
	}
	token := leader.Token{Queue: queue, Copy: queue}
	cut := 0
	for n := range 300 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n)*5*time.Microsecond)
		_, stateErr := session.State(ctx, queue)
		_, _, tokenErr := leader.ReadToken(ctx, session, token)
		_, deleteErr := session.DeleteQueue(ctx, queue+"-none")
		consumer, consumeErr := session.Consume(ctx, amqp.Consume{Queue: queue})
		cancel()
		if consumeErr == nil {
			if err := consumer.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
		for _, err := range []error{stateErr, tokenErr, deleteErr, consumeErr} {
			if err != nil {
				cut++
			}
		}
	}
	if cut == 0 {
		t.Error("no call was cut short, want some")
	}
	if _, err := session.DeleteQueue(t.Context(), queue); err != nil {
		t.Error(err)
	}
	if err := session.Close(); err != nil {
		t.Error(err)
	}
}
