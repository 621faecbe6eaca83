// Package app assembles the sign-up from its parts: the service with its outbox, and the
// workers. The roles of a process select which parts it runs.
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

// Role is a part of the sign-up that a process runs.
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

// Roles returns all roles.
func Roles() []Role { return []Role{Service, Relay, Welcome, Verification, Analytics, Billing} }

// Config configures an App.
type Config struct {
	Broker   broker.Config
	Database string // postgres://… for accounts, outbox and handled messages; files in Data if empty
	Data     string // the folder of the database files
	SMTP     string // the mail server, as for mail.NewSender
	Secret   []byte // key that signs the links in mails; the same in all processes
	Site     string // the URL that these links begin with, such as https://example.com
	Prefix   string // prepended to the names of the exchange and the queues; empty except in tests
	Logger   *slog.Logger

	// Hash hashes passwords. Nil means argon2id by account.Hasher.
	Hash func(ctx context.Context, password string) (string, error)

	Middleware []handler.Middleware // around the handlers
	OnWorker   func(worker.Event)
	OnOutbox   func(outbox.Event)
	OnAnswer   func(live.Signup)
	OnReset    func(event.PasswordReset)
	OnVerified func(account.Account)
}

// exchange returns the name of the exchange for events, with the prefix.
func (c Config) exchange() string { return c.Prefix + event.Exchange }

// database returns where to open tables that several processes share: Database, or the file
// in Data.
func (c Config) database(file string) string {
	if c.Database != "" {
		return c.Database
	}
	return filepath.Join(c.Data, file)
}

func has(roles []Role, one Role) bool { return slices.Contains(roles, one) }
