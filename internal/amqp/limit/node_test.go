package limit_test

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/warren-mq/warren/internal/amqp/limit"
	"github.com/warren-mq/warren/internal/rabbit"
)

// TestTheNodeIsKilled while two processes hold all slots. After its restart there are as many
// slots as before.
func TestTheNodeIsKilled(t *testing.T) {
	rabbit.NeedsNetwork(t, "it starts a node")
	t.Parallel()
	node, s := rabbit.Start(t), limit.Spec{Name: rand.Text(), Slots: 3}
	a, b := newReplica(t, node.URL(), s), newReplica(t, node.URL(), s)
	terms := []*limit.Term{a.take(), b.take(), a.take()}
	node.Settle(t)
	node.Kill(t)
	for _, term := range terms {
		<-term.Life().Done()
		if err := context.Cause(term.Life()); !errors.Is(err, limit.ErrLost) {
			t.Errorf("the cause is %v, want ErrLost", err)
		}
	}
	node.Restart(t)
	began := time.Now()
	b.take()
	b.take()
	a.take()
	t.Logf("all slots are in use again %v after the restart", time.Since(began))
	a.cannotTake()
	b.cannotTake()
}
