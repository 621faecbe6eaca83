package analytics_test

import (
	"testing"

	"github.com/warren-mq/warren/examples/signup/analytics"
	"github.com/warren-mq/warren/examples/signup/event"
	"github.com/warren-mq/warren/message"
)

func TestAnEventIsCountedOnceHoweverOftenItComes(t *testing.T) {
	t.Parallel()
	var c analytics.Counter
	for _, m := range []message.Message{
		{ID: "1", RoutingKey: event.SignedUp},
		{ID: "1", RoutingKey: event.SignedUp, Redelivered: true},
		{ID: "2", RoutingKey: event.SignedUp},
		{ID: "3", RoutingKey: "user.deleted"},
	} {
		if err := c.Count(message.NewContext(t.Context(), &m), event.User{}); err != nil {
			t.Fatal(err)
		}
	}
	for key, want := range map[string]int{event.SignedUp: 2, "user.deleted": 1, "user.renamed": 0} {
		if got := c.Of(key); got != want {
			t.Errorf("%d of %s, want %d", got, key, want)
		}
	}
}
