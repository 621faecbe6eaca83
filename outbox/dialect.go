package outbox

import (
	"fmt"
	"strconv"
	"strings"
)

// Dialect is the SQL dialect of the database.
type Dialect string

// The supported databases. SQLite must be 3.35 or later, PostgreSQL 11 or later.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

func (d Dialect) validate() error {
	switch d {
	case SQLite, Postgres:
		return nil
	}
	return fmt.Errorf("outbox: the dialect is %q, want outbox.SQLite or outbox.Postgres", string(d))
}

// sql returns the query in the dialect of the database. In query, ? is an argument, NOW is
// the database's clock in Unix milliseconds, and SKIP stands for the clause that locks the
// rows read and skips rows that others have locked.
func (d Dialect) sql(query string) string {
	if d == SQLite { // SQLite has one writer at a time
		return strings.NewReplacer(
			"NOW", "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)", "SKIP", "",
		).Replace(query)
	}
	query = strings.NewReplacer(
		"NOW", "CAST(extract(epoch FROM statement_timestamp()) * 1000 AS bigint)", "SKIP", "FOR UPDATE SKIP LOCKED",
	).Replace(query)
	var b strings.Builder
	for n, part := range strings.Split(query, "?") {
		if n > 0 {
			b.WriteString("$" + strconv.Itoa(n))
		}
		b.WriteString(part)
	}
	return b.String()
}

// list returns a list for IN and NOT IN. It has n arguments, and a value that no row has,
// so that it is never empty.
func list(none string, n int) string { return "(" + none + strings.Repeat(",?", n) + ")" }

// seqs returns a list of n values of seq.
func seqs(n int) string { return list("0", n) }
