package outbox_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/outbox"
)

// hanging connects to a database that stops to answer: from the first statement with the given text
// on, each statement waits until its context is done.
type hanging struct {
	driver driver.Driver
	dsn    string
	from   string
	hangs  atomic.Bool
	begun  func() // called when it begins to hang
}

func (h *hanging) Driver() driver.Driver { return h.driver }

func (h *hanging) Connect(context.Context) (driver.Conn, error) {
	conn, err := h.driver.Open(h.dsn)
	return hangingConn{conn, h}, err
}

type hangingConn struct {
	driver.Conn

	database *hanging
}

func (c hangingConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if c.database.hangs.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts) //nolint:errcheck,forcetypeassert // SQLite's driver implements it
}

func (c hangingConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if c.database.hangs.Load() || strings.Contains(query, c.database.from) {
		c.database.hangs.Store(true)
		c.database.begun()
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query) //nolint:errcheck,forcetypeassert // as above
}

func declareIn(t *testing.T, dev *devbroker.Broker, queue string) {
	t.Helper()
	conn, err := amqp.DialConfig(dev.URL(), amqp.Config{Dial: dev.Dial})
	if err != nil {
		t.Fatal(err)
	}
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	_, err = ch.QueueDeclare(queue, true, false, false, false, nil)
	check(t, err)
	check(t, conn.Close())
}

func TestARelayStopsWithin10sAlthoughItsDatabaseHangs(t *testing.T) {
	t.Parallel()
	for name, from := range map[string]string{
		"at the mark of a message":            "SET published_at",
		"while it renews the message's lease": "RETURNING seq",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				dev := devbroker.New()
				t.Cleanup(func() { check(t, dev.Close()) })
				dev.Inject(devbroker.Fault{On: devbroker.OnConfirm, Times: 1, Delay: 7 * time.Second}) // later than the first renewal
				s := newStore(t, outbox.SQLite)
				hangs := make(chan struct{})
				h := &hanging{driver: s.Driver(), dsn: s.dsn, from: from, begun: sync.OnceFunc(func() { close(hangs) })}
				db := sql.OpenDB(h)
				t.Cleanup(func() { check(t, db.Close()) })
				declareIn(t, dev, "q")
				s.write(t, outbox.Message{Key: "q", Body: 1})
				r := s.relay(t, dev.URL(), func(c *outbox.Config) { c.DB, c.Broker.Dial = db, dev.DialContext })
				<-hangs
				stopped := time.Now()
				r.end()
				if took := time.Since(stopped); took > 10*time.Second {
					t.Errorf("Run returned after %v, want 10s at most", took)
				}
			})
		})
	}
}
