package engine_test

import (
	"errors"
	"log/slog"
	"sync"
	"testing"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/runner/internal/engine"
)

// One connection gives up and ends the other: whichever is seen first, the error says
// that no broker answers. One start in twenty did not.
func TestAStartWithoutABrokerSaysSo(t *testing.T) {
	t.Parallel()
	c := load(t, "broker: {url: \"amqp://127.0.0.1:1/\", startup_timeout: 1ns}\nexchanges: [{name: events}]\n")
	var starts sync.WaitGroup
	for range 300 {
		starts.Go(func() {
			e, err := engine.New(engine.Options{Config: c, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Error(err)
				return
			}
			if err := e.Run(t.Context()); !errors.Is(err, broker.ErrNotConnected) {
				t.Errorf("got %v, want ErrNotConnected", err)
			}
		})
	}
	starts.Wait()
}
