package billing_test

import (
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/warren-mq/warren/examples/signup/internal/billing"
	"github.com/warren-mq/warren/examples/signup/internal/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestATrialBeginsOnceForRepeatedRequests(t *testing.T) {
	t.Parallel()
	b, err := billing.Open(t.Context(), filepath.Join(t.TempDir(), "billing.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, id := range []string{"1", "1", "2"} {
		if err := b.BeginTrial(t.Context(), event.SignedUp{AccountID: id, At: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := b.Trials(t.Context()); n != 2 || err != nil {
		t.Errorf("%d trials, %v; want 2", n, err)
	}
}
