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

// Config is that of a relay. DB and Dialect must be set.
type Config struct {
	DB      *sql.DB
	Dialect Dialect
	// Broker is where messages are published. StartupTimeout is unbounded if zero: an
	// outbox is for when the broker is away.
	Broker broker.Config
	// Batch is how many messages are taken at a time, 1 to 1000; 100 if zero. So many
	// bodies are in memory, and so many may be published twice after a crash. To both are
	// added the messages whose confirms are late: a relay that has 1000 of them takes no
	// further batch.
	Batch int
	// Poll is how often an idle relay looks for messages; 1s if zero.
	Poll time.Duration
	// Lease is how long what a relay has taken is left to it, should it die or stall, before
	// another takes it; 30s if zero, 1s or more. A relay that lives renews it. After a third
	// of it the confirms of a batch are late: see Late. It must be longer than the database
	// can keep a writer waiting.
	Lease time.Duration
	// Retry spaces the attempts at a message that the broker refuses: from 1s, doubling
	// up to 1min, where its fields are zero. Its MaxAttempts is not used.
	Retry retry.Policy
	// Retention is how long published rows are kept; 24h if zero, for ever if negative.
	Retention time.Duration
	// Logger takes the relay's events; slog.Default() if nil.
	Logger *slog.Logger
	// OnEvent sees every event, and holds up the relay meanwhile.
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
