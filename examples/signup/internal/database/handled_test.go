package database_test

import (
	"testing"
	"time"

	"github.com/warren-mq/warren/dedupe"
	"github.com/warren-mq/warren/dedupe/dedupetest"
	"github.com/warren-mq/warren/examples/signup/internal/database"
	"github.com/warren-mq/warren/examples/signup/internal/database/databasetest"
)

func openHandled(t *testing.T, where string) *dedupe.SQL {
	t.Helper()
	db, err := database.Open(t.Context(), where, dedupe.SQLSchema)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return dedupe.NewSQL(db.DB)
}

func TestTheSQLStoreKeepsTheContractAcrossProcesses(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, where string) {
		dedupetest.Run(t, func(t *testing.T) (one, other dedupe.Store) {
			t.Helper()
			return openHandled(t, where), openHandled(t, where)
		})
	})
}

func TestForgetForgetsWhatWasHandledLongAgo(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, where string) {
		s := openHandled(t, where)
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
