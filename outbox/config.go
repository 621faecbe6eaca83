package outbox

import (
	"cmp"
	"database/sql"
	"log/slog"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/check"
	"github.com/warren-mq/warren/retry"
)

// Config configures a Relay. DB and Dialect must be set.
type Config struct {
	DB      *sql.DB
	Dialect Dialect
	// Broker configures the connection on which messages are published. Its StartupTimeout
	// has no limit if zero, because an outbox is for times when the broker is unavailable.
	Broker broker.Config
	// Batch is how many messages are taken at a time, 1 to 1000. Zero means 100. It bounds
	// the bodies in memory, and the messages that may be published twice after a crash.
	// Messages whose confirms are late are added to both. A relay that has 1000 of them
	// takes no further batch.
	Batch int
	// Poll is how often an idle relay looks for messages. Zero means 1 s.
	Poll time.Duration
	// Lease is how long a relay that dies or stalls keeps the messages it has taken, before
	// another relay takes them. It is 1 s or more. Zero means 30 s. A running relay renews
	// it. After a third of it the confirms of a batch are late: see Late. It must be longer
	// than the database can keep a writer waiting.
	Lease time.Duration
	// Retry sets the pauses between attempts to publish a message that the broker refuses.
	// The default is 1 s, doubling up to 1 min. Zero fields take these values. MaxAttempts
	// is not used.
	Retry retry.Policy
	// Retention is how long published rows and closed groups are kept. Zero means 24 h. A negative value
	// means that they are never deleted.
	Retention time.Duration
	// Logger logs the relay's events. Nil means slog.Default().
	Logger *slog.Logger
	// OnEvent is called with every event. The relay waits until it returns. A panic is logged.
	OnEvent func(Event)
}

const maxBatch = 1000

// Validate reports everything that is wrong with c, in one error.
func (c Config) Validate() error {
	c = c.withDefaults()
	f := check.Of("outbox")
	f.Addf(c.DB == nil, "DB is nil, want a database")
	f.Addf(c.Batch < 1 || c.Batch > maxBatch, "Batch is %d, want 1 to %d", c.Batch, maxBatch)
	f.Addf(c.Poll < 0, "Poll is %v, want more than 0", c.Poll)
	f.Addf(c.Lease < time.Second, "Lease is %v, want 1s or more", c.Lease)
	f.Add(c.Dialect.validate(), c.Retry.Validate(), c.Broker.Validate())
	return f.Err()
}

func (c Config) withDefaults() Config {
	c.Batch = cmp.Or(c.Batch, 100)
	c.Poll = cmp.Or(c.Poll, time.Second)
	c.Lease = cmp.Or(c.Lease, 30*time.Second)
	c.Retry.MaxInterval = cmp.Or(c.Retry.MaxInterval, max(time.Minute, c.Retry.InitialInterval))
	c.Retention = cmp.Or(c.Retention, 24*time.Hour)
	c.Broker.StartupTimeout = cmp.Or(c.Broker.StartupTimeout, -1)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if log := c.Logger; c.Broker.OnConnectFailed == nil {
		c.Broker.OnConnectFailed = func(_ string, err error) {
			log.Warn("outbox: connect failed, trying again", "error", err)
		}
	}
	return c
}
