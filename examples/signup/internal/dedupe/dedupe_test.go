package dedupe_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/warren-mq/warren/dedupe"
	"github.com/warren-mq/warren/dedupe/dedupetest"
	"github.com/warren-mq/warren/examples/signup/internal/database/databasetest"
	sqlstore "github.com/warren-mq/warren/examples/signup/internal/dedupe"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, where string) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), where)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestTheStoreKeepsTheContractAcrossProcesses(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, where string) {
		dedupetest.Run(t, func(t *testing.T) (one, other dedupe.Store) {
			t.Helper()
			return open(t, where), open(t, where)
		})
	})
}

func TestForgetForgetsWhatWasHandledLongAgo(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, where string) {
		s := open(t, where)
		claim, token, err := s.Claim(t.Context(), "q/1", time.Hour)
		if claim != dedupe.Won || err != nil {
			t.Fatalf("Claim returned %v, %v; want Won", claim, err)
		}
		if err := s.Complete(t.Context(), "q/1", token); err != nil {
			t.Error(err)
		}
		if n, err := s.Forget(t.Context(), time.Hour); n != 0 || err != nil {
			t.Errorf("%d forgotten, %v; want none", n, err)
		}
		if n, err := s.Forget(t.Context(), -time.Hour); n != 1 || err != nil {
			t.Errorf("%d forgotten, %v; want 1", n, err)
		}
		if claim, _, err := s.Claim(t.Context(), "q/1", time.Hour); claim != dedupe.Won || err != nil {
			t.Errorf("Claim returned %v, %v; want Won again", claim, err)
		}
	})
}
