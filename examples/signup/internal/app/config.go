// Package app puts the sign-up together from its parts: the service with its outbox,
// and the workers. What runs in a process is said by its roles.
package app

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/examples/signup/internal/account"
	"github.com/warren-mq/warren/examples/signup/internal/event"
	"github.com/warren-mq/warren/examples/signup/internal/live"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/outbox"
	"github.com/warren-mq/warren/worker"
)

// Role is what a process does.
type Role string

// The roles.
const (
	Service      Role = "service" // the HTTP service, and a relay of the outbox
	Relay        Role = "relay"   // a relay of the outbox alone
	Welcome      Role = "welcome"
	Verification Role = "verification"
	Analytics    Role = "analytics"
	Billing      Role = "billing"
)

// Roles returns all of them.
func Roles() []Role { return []Role{Service, Relay, Welcome, Verification, Analytics, Billing} }

// Config says what the parts work with.
type Config struct {
	Broker   broker.Config
	Database string // of accounts, outbox and handled messages: postgres://…; files in Data if empty
	Data     string // the folder of the databases that are files
	SMTP     string // the mail server, as for mail.NewSender
	Secret   []byte // signs the links of mails; the same in all processes
	Site     string // where these links lead, such as https://example.com
	Prefix   string // before the names of the exchange and the queues; empty but in tests
	Logger   *slog.Logger

	// Hash hashes passwords; argon2id by account.Hasher if nil.
	Hash func(ctx context.Context, password string) (string, error)

	Middleware []handler.Middleware // around the handlers
	OnWorker   func(worker.Event)
	OnOutbox   func(outbox.Event)
	OnAnswer   func(live.Signup)
	OnReset    func(event.PasswordReset)
	OnVerified func(account.Account)
}

// exchange is the name of the exchange for events.
func (c Config) exchange() string { return c.Prefix + event.Exchange }

// database is where the tables are kept that several processes share.
func (c Config) database(file string) string {
	if c.Database != "" {
		return c.Database
	}
	return filepath.Join(c.Data, file)
}

func has(roles []Role, one Role) bool { return slices.Contains(roles, one) }
