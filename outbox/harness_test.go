package outbox_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	amqp "github.com/rabbitmq/amqp091-go"
	_ "modernc.org/sqlite"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/outbox"
)

// patience is generous: the machine may be busy.
const patience = 2 * time.Minute

// store is a database of a test's own, migrated.
type store struct {
	*sql.DB
	dialect outbox.Dialect
	dsn     string
}

func open(d outbox.Dialect, dsn string) (*sql.DB, error) {
	return sql.Open(map[outbox.Dialect]string{outbox.SQLite: "sqlite", outbox.Postgres: "pgx"}[d], dsn)
}

// onEach runs f with a database of each kind.
func onEach(t *testing.T, f func(*testing.T, *store)) {
	t.Helper()
	for _, d := range []outbox.Dialect{outbox.SQLite, outbox.Postgres} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			f(t, newStore(t, d))
		})
	}
}

func newStore(t testing.TB, d outbox.Dialect) *store {
	t.Helper()
	s := emptyStore(t, d)
	if err := outbox.Migrate(t.Context(), s.DB, d); err != nil {
		t.Fatal(err)
	}
	return s
}

func emptyStore(t testing.TB, d outbox.Dialect) *store {
	t.Helper()
	s := &store{dialect: d, dsn: sqliteDSN(filepath.Join(t.TempDir(), "test.db"))}
	if d == outbox.Postgres {
		s.dsn = newSchema(t)
	}
	db, err := open(d, s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	s.DB = db
	if d == outbox.SQLite {
		db.SetMaxOpenConns(2) // writers queue here in turn; SQLite's own wait is not fair
	}
	t.Cleanup(func() { check(t, db.Close()) })
	return s
}

func sqliteDSN(file string) string {
	return "file:" + file + "?_pragma=busy_timeout(30000)&_pragma=journal_mode(WAL)&_txlock=immediate"
}

// newSchema makes a schema of the test's own, and returns the URL that leads there.
func newSchema(t testing.TB) string {
	t.Helper()
	url, err := postgres.start()
	if err != nil {
		t.Fatal(err)
	}
	admin, err := open(outbox.Postgres, url)
	if err != nil {
		t.Fatal(err)
	}
	schema := "t" + strings.ToLower(rand.Text()[:10])
	exec := func(statement string) {
		_, err := admin.ExecContext(context.WithoutCancel(t.Context()), statement)
		check(t, err)
	}
	exec("CREATE SCHEMA " + schema)
	t.Cleanup(func() {
		exec("DROP SCHEMA " + schema + " CASCADE")
		check(t, admin.Close())
	})
	if strings.Contains(url, "?") {
		return url + "&search_path=" + schema
	}
	return url + "?search_path=" + schema
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// write commits messages in one transaction.
func (s *store) write(t *testing.T, messages ...outbox.Message) {
	t.Helper()
	if err := s.commit(t.Context(), messages...); err != nil {
		t.Fatal(err)
	}
}

func (s *store) commit(ctx context.Context, messages ...outbox.Message) error {
	tx, err := s.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := outbox.Write(ctx, tx, s.dialect, messages...); err != nil {
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}

// count returns the one number of a query.
func (s *store) count(t *testing.T, query string) (n int) {
	t.Helper()
	if err := s.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// running is a relay at work.
type running struct {
	*outbox.Relay
	t    *testing.T
	stop context.CancelFunc
	done chan error

	mu     sync.Mutex
	events []outbox.Event
}

// relay starts a relay to the broker at url, which the test's end stops.
func (s *store) relay(t *testing.T, url string, change ...func(*outbox.Config)) *running {
	t.Helper()
	r := &running{t: t, done: make(chan error, 1)}
	cfg := outbox.Config{
		DB: s.DB, Dialect: s.dialect, Broker: broker.Config{URL: url}, Logger: slog.New(slog.DiscardHandler),
		Poll: 20 * time.Millisecond,
		OnEvent: func(e outbox.Event) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.events = append(r.events, e)
		},
	}
	for _, f := range change {
		f(&cfg)
	}
	r.Relay = outbox.New(cfg)
	ctx, stop := context.WithCancel(t.Context())
	r.stop = stop
	go func() { r.done <- r.Run(ctx) }()
	t.Cleanup(r.end)
	return r
}

// end stops the relay and returns when it has.
func (r *running) end() {
	r.t.Helper()
	r.stop()
	if err, ok := <-r.done; ok && err != nil {
		r.t.Errorf("Run returned %v, want nil", err)
	} else if ok {
		close(r.done)
	}
}

// drained waits until nothing is pending.
func (r *running) drained() {
	r.t.Helper()
	rabbit.Eventually(r.t, patience, func() bool {
		stats, err := r.Stats(r.t.Context())
		check(r.t, err)
		return stats.Pending == 0
	}, "nothing is pending")
}

// seen returns the events of one type so far.
func seen[E outbox.Event](r *running) (all []E) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e, ok := e.(E); ok {
			all = append(all, e)
		}
	}
	return all
}

// mark is a body that tells its place in its aggregate.
type mark struct {
	Aggregate string `json:"aggregate"`
	N         int    `json:"n"`
}

// arrivals are what a queue has received.
type arrivals struct {
	mu  sync.Mutex
	all []amqp.Delivery
}

// queue declares a queue of the test's own and consumes it.
func queue(t *testing.T, url string) (name string, got *arrivals) {
	t.Helper()
	name = declare(t, url)
	got = &arrivals{}
	deliveries, err := rabbit.Channel(t, url).Consume(name, "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for d := range deliveries {
			got.mu.Lock()
			got.all = append(got.all, d)
			got.mu.Unlock()
		}
	}()
	return name, got
}

func declare(t *testing.T, url string) (name string) {
	t.Helper()
	name = rabbit.Queue(t)
	if _, err := rabbit.Channel(t, url).QueueDeclare(name, true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, err := rabbit.Channel(t, url).QueueDelete(name, false, false, false)
		check(t, err)
	})
	return name
}

func (a *arrivals) list() []amqp.Delivery {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.all)
}

// await waits for n different messages.
func (a *arrivals) await(t *testing.T, n int) {
	t.Helper()
	rabbit.Eventually(t, patience, func() bool { return len(a.ids()) >= n }, "the messages arrive")
}

// ids returns the ids of the messages that arrived, and how often each did.
func (a *arrivals) ids() map[string]int {
	ids := make(map[string]int)
	for _, d := range a.list() {
		ids[d.MessageId]++
	}
	return ids
}

// duplicates is how many arrived that had arrived before.
func (a *arrivals) duplicates() int { return len(a.list()) - len(a.ids()) }

// inOrder fails if an aggregate's marks did not first arrive as 0, 1, 2 and so on.
func (a *arrivals) inOrder(t *testing.T) {
	t.Helper()
	next, known := make(map[string]int), make(map[string]bool)
	for _, d := range a.list() {
		var m mark
		if err := json.Unmarshal(d.Body, &m); err != nil {
			t.Fatal(err)
		}
		if known[d.MessageId] {
			continue
		}
		known[d.MessageId] = true
		if m.N != next[m.Aggregate] {
			t.Fatalf("aggregate %s: %d came, want %d", m.Aggregate, m.N, next[m.Aggregate])
		}
		next[m.Aggregate]++
	}
}

// nowhere is the broker of a relay that never connects.
func nowhere() broker.Config { return broker.Config{URL: "amqp://rabbitmq.invalid/"} }
