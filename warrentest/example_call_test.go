package warrentest_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/warrentest"
)

// Call returns what the caller of a handler gets: the reply or the error. It needs no broker.
func ExampleCall() {
	t, end := newT() // in your test: its *testing.T
	defer end()

	type Price struct{ Cents int }
	prices := handler.Replies(func(_ context.Context, article string) (Price, error) {
		if article != "tea" {
			return Price{}, retry.Permanent(fmt.Errorf("no article %q", article))
		}
		return Price{Cents: 350}, nil
	})
	fmt.Println(warrentest.Call[Price](t, prices, "tea"))

	_, err := warrentest.Call[Price](t, prices, "gold")
	if remote, ok := errors.AsType[*broker.RemoteError](err); ok {
		fmt.Println(remote.Reason, "-", remote.Message)
	}
	// Output:
	// {350} <nil>
	// permanent - no article "gold"
}
