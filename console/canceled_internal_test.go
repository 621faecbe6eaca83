package console

import (
	"cmp"
	"context"
	"errors"
	"net"
	"testing"

	"github.com/warren-mq/warren/broker"
)

// TestARequestThatIsCanceledSpoilsNoReadForOthers: what is read is kept for the next requests.
func TestARequestThatIsCanceledSpoilsNoReadForOthers(t *testing.T) {
	t.Parallel()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	t.Run("of replicas", func(t *testing.T) {
		t.Parallel()
		want := &Replicas{Members: []string{"a@host"}}
		read := func(ctx context.Context, _ string) (*Replicas, error) { return want, ctx.Err() }
		var all replicasOf
		all.get(gone, read, "q")
		if got, fault := all.get(t.Context(), read, "q"); got != want || fault != "" {
			t.Errorf("the next request gets %v and the fault %q, want the replicas", got, fault)
		}
	})
	t.Run("of schedules", func(t *testing.T) {
		t.Parallel()
		refused := errors.New("refused")
		c := &Console{config: Config{Broker: broker.Config{
			URL: "amqp://127.0.0.1:1", Dial: func(ctx context.Context, _, _ string) (net.Conn, error) { return nil, cmp.Or(ctx.Err(), refused) },
		}}}
		var all scheduleStates
		if _, err := all.get(gone, c, "group"); err == nil {
			t.Error("the read has no error, want the refusal")
		}
		if _, err := all.get(t.Context(), c, "group"); !errors.Is(err, refused) {
			t.Errorf("the next request gets %v, want the refusal", err)
		}
	})
}
