package app

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"runtime/debug"
	"slices"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/dedupe"
	"github.com/warren-mq/warren/examples/signup/internal/account"
	"github.com/warren-mq/warren/examples/signup/internal/analytics"
	"github.com/warren-mq/warren/examples/signup/internal/billing"
	"github.com/warren-mq/warren/examples/signup/internal/database"
	"github.com/warren-mq/warren/examples/signup/internal/event"
	"github.com/warren-mq/warren/examples/signup/internal/link"
	"github.com/warren-mq/warren/examples/signup/internal/mail"
	"github.com/warren-mq/warren/examples/signup/internal/service"
	"github.com/warren-mq/warren/examples/signup/internal/verification"
	"github.com/warren-mq/warren/examples/signup/internal/welcome"
	"github.com/warren-mq/warren/outbox"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/worker"
)

// sender is the From address of the mails.
const sender = "Sign-up <hello@signup.example>"

// App holds the parts of the sign-up that the roles of one process need.
type App struct {
	config Config
	roles  []Role

	accounts     *account.Store
	handled      *dedupe.SQL
	counter      *analytics.Counter
	book         *billing.Book
	welcome      welcome.Mailer
	verification verification.Mailer

	publisher     *broker.Publisher
	relay         *outbox.Relay
	worker        *worker.Worker
	subscriptions map[string]*worker.Subscription // by the name without prefix
	closers       []func() error
}

// New opens the databases and creates what the roles need. Without roles it needs no
// broker. If the broker's URL is invalid, it returns an error before it opens anything. The
// caller must call Close.
func New(ctx context.Context, c Config, roles ...Role) (a *App, err error) {
	if len(roles) > 0 {
		if err := c.Broker.Validate(); err != nil {
			return nil, err
		}
	}
	if c.Hash == nil {
		c.Hash = account.NewHasher().Hash
	}
	a = &App{config: c, roles: roles, subscriptions: make(map[string]*worker.Subscription)}
	if err := a.open(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	mailer, err := mail.NewSender(c.SMTP, sender)
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	signer := link.Signer{Secret: c.Secret}
	a.welcome = welcome.Mailer{Send: mailer.Send, Link: signer, Site: c.Site}
	a.verification = verification.Mailer{Send: mailer.Send, Link: signer, Site: c.Site}
	a.publisher = broker.NewPublisher(c.Broker, c.exchange())
	a.closers = append(a.closers, a.publisher.Close)
	a.relay = outbox.New(outbox.Config{
		DB: a.accounts.DB.DB, Dialect: a.accounts.DB.Dialect, Broker: c.Broker, Logger: c.Logger, OnEvent: c.OnOutbox,
		Lease: lease, Retry: retry.Policy{MaxInterval: mailTimeout},
	})
	a.worker = worker.New(worker.Config{Broker: c.Broker, Grace: lease, Middleware: c.Middleware, Logger: c.Logger})
	if c.OnWorker != nil {
		a.worker.Watch(c.OnWorker)
	}
	a.subscribe(a.worker, roles)
	if err := a.warmUp(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// warmUp grows the heap by the 7 MiB that each password hash needs before the first request
// arrives: to get new memory from the system takes longer than the hash itself.
func (a *App) warmUp(ctx context.Context) error {
	const hashes, gcPercent = 6, 200
	if !has(a.roles, Service) {
		return nil
	}
	before := debug.SetGCPercent(gcPercent)
	a.closers = append(a.closers, func() error { debug.SetGCPercent(before); return nil })
	for range hashes {
		if _, err := a.config.Hash(ctx, "warm up"); err != nil {
			return err
		}
	}
	return nil
}

func (a *App) open(ctx context.Context) (err error) {
	if a.accounts, err = account.Open(ctx, a.config.database("accounts.db")); err != nil {
		return err
	}
	a.closers = append(a.closers, a.accounts.DB.Close)
	handled, err := database.Open(ctx, a.config.database("handled.db"), dedupe.SQLSchema)
	if err != nil {
		return err
	}
	a.handled = dedupe.NewSQL(handled.DB)
	a.closers = append(a.closers, handled.Close)
	if a.counter, err = analytics.Open(ctx, filepath.Join(a.config.Data, "analytics.db")); err != nil {
		return err
	}
	a.closers = append(a.closers, a.counter.Close)
	if a.book, err = billing.Open(ctx, filepath.Join(a.config.Data, "billing.db")); err != nil {
		return err
	}
	a.closers = append(a.closers, a.book.Close)
	return nil
}

// Close closes the publisher and the databases. Call it after Run has returned.
func (a *App) Close() (err error) {
	for _, f := range slices.Backward(a.closers) {
		err = errors.Join(err, f())
	}
	a.closers = nil
	return err
}

// Handler returns the handler of the HTTP service.
func (a *App) Handler() http.Handler {
	return service.New(service.Config{
		Accounts: a.accounts, Hash: a.config.Hash, Exchange: a.config.exchange(), Publisher: a.publisher,
		Link: link.Signer{Secret: a.config.Secret}, Log: a.config.Logger,
		Inline: []func(context.Context, event.SignedUp) error{
			a.welcome.Welcome, a.verification.Ask, a.counter.Count, a.book.BeginTrial,
		},
		InlineKnown: a.welcome.Known,
		Wake:        a.relay.Wake, OnAnswer: a.config.OnAnswer, OnReset: a.config.OnReset, OnVerified: a.config.OnVerified,
	})
}

// Accounts returns the store of the accounts.
func (a *App) Accounts() *account.Store { return a.accounts }

// Counter returns the counter of the analytics role.
func (a *App) Counter() *analytics.Counter { return a.counter }

// Book returns the trials of the billing role.
func (a *App) Book() *billing.Book { return a.book }

// Outbox returns the relay of the outbox.
func (a *App) Outbox() *outbox.Relay { return a.relay }

// Worker returns the worker that runs the roles' queues.
func (a *App) Worker() *worker.Worker { return a.worker }

// Publisher returns the publisher to the exchange of the events.
func (a *App) Publisher() *broker.Publisher { return a.publisher }

// Subscription returns the subscription to the queue of that name, without the prefix. It is
// nil if none of the roles consumes the queue.
func (a *App) Subscription(queue string) *worker.Subscription { return a.subscriptions[queue] }
