package database_test

import (
	"testing"

	"github.com/warren-mq/warren/codec/claim"
	"github.com/warren-mq/warren/codec/claim/claimtest"
	"github.com/warren-mq/warren/examples/signup/internal/database"
	"github.com/warren-mq/warren/examples/signup/internal/database/databasetest"
)

func openBodies(t *testing.T, where string) *claim.SQL {
	t.Helper()
	db, err := database.Open(t.Context(), where, claim.SQLSchema)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return claim.NewSQL(db.DB)
}

func TestTheStoreOfBodiesKeepsTheContractAcrossProcesses(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, where string) {
		claimtest.Run(t, func(t *testing.T) (one, other claim.Store) {
			t.Helper()
			return openBodies(t, where), openBodies(t, where)
		})
	})
}
