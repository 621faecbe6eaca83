// Package demo runs the whole sign-up in one process, with pages that show what happens and
// buttons that cause failures. Unless it is configured otherwise, it starts its own broker
// and mail server.
package demo

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/examples/signup/internal/app"
	"github.com/warren-mq/warren/examples/signup/internal/catcher"
	"github.com/warren-mq/warren/examples/signup/internal/live"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/amqp"
)

// Config configures a Demo. Only Data and Log must be set.
type Config struct {
	Listen   string // the address of the pages; any free port of 127.0.0.1 if empty
	Broker   string // the broker's URL; a broker in the process if empty
	Database string // postgres://…; files in Data if empty
	Data     string // a folder
	SMTP     string // the URL of a mail server to use instead of the catcher
	Prefix   string // prepended to the names of the exchange and the queues
	Secret   []byte // key that signs the links in mails; random if empty
	Log      *slog.Logger
}

// Demo runs the sign-up and its pages. It implements live.Demo.
type Demo struct {
	log        *slog.Logger
	prefix     string
	site       string // the URL of the pages
	brokerName string // empty for a RabbitMQ
	elsewhere  string // the host of the mail server; empty if it is the catcher
	config     broker.Config

	listener net.Listener
	embedded *devbroker.Broker // nil if Config.Broker is set
	catcher  *catcher.Catcher  // stopped if the mails go elsewhere
	app      *app.App
	wires    wires
	watch    watch
	snapshot atomic.Pointer[live.Snapshot]
	job      job
	results  results
	crowds   crowds
}

// New starts the broker and the mail server, and opens the databases. The caller must call
// Close.
func New(ctx context.Context, c Config) (d *Demo, err error) {
	d = &Demo{log: c.Log, prefix: c.Prefix, crowds: newCrowds(), watch: watch{prefix: c.Prefix}}
	d.snapshot.Store(&live.Snapshot{})
	if err := d.start(ctx, c); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *Demo) start(ctx context.Context, c Config) (err error) {
	if d.listener, err = net.Listen("tcp", cmp.Or(c.Listen, "127.0.0.1:0")); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	d.site = "http://" + d.listener.Addr().String()
	if c.Broker == "" {
		if d.embedded, err = devbroker.Start(devbroker.Config{}); err != nil {
			return err
		}
		c.Broker, d.brokerName = d.embedded.URL(), "embedded broker"
	}
	if err := d.startMail(&c); err != nil {
		return err
	}
	d.config = broker.Config{URL: c.Broker, Name: "signup", Dial: d.wires.dial}
	d.app, err = app.New(ctx, app.Config{
		Broker: d.config, Database: c.Database, Data: c.Data, SMTP: c.SMTP, Site: d.site,
		Secret: secret(c.Secret), Prefix: c.Prefix, Logger: c.Log, Hash: d.crowds.hash, Middleware: []handler.Middleware{d.watch.working},
		OnWorker: d.watch.onWorker, OnOutbox: d.watch.onOutbox, OnAnswer: d.watch.onAnswer, OnReset: d.watch.onReset, OnVerified: d.watch.onVerified,
	}, app.Roles()...)
	return err
}

// startMail starts the catcher, unless the mails go to another server.
func (d *Demo) startMail(c *Config) (err error) {
	if c.SMTP != "" {
		if u, err := url.Parse(c.SMTP); err == nil { // mail.NewSender reports an invalid URL
			d.elsewhere = u.Host
		}
		d.catcher = &catcher.Catcher{}
		return nil
	}
	if d.catcher, err = catcher.Start(""); err != nil {
		return err
	}
	d.catcher.OnMail(d.watch.onMail)
	c.SMTP = d.catcher.URL()
	return nil
}

func secret(given []byte) []byte {
	if len(given) > 0 {
		return given
	}
	return []byte(rand.Text())
}

// Close stops what New has started. Call it after Run has returned.
func (d *Demo) Close() (err error) {
	if d.app != nil {
		err = d.app.Close()
	}
	if d.catcher != nil {
		err = errors.Join(err, d.catcher.Stop())
	}
	if d.embedded != nil {
		err = errors.Join(err, d.embedded.Close())
	}
	if d.listener != nil {
		if e := d.listener.Close(); !errors.Is(e, net.ErrClosed) { // the HTTP server may have closed it
			err = errors.Join(err, e)
		}
	}
	return err
}

// Site returns the URL of the pages, such as http://127.0.0.1:8080.
func (d *Demo) Site() string { return d.site }

// Run runs the sign-up and its pages until ctx is done, and then drains them.
func (d *Demo) Run(ctx context.Context) error {
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	connector := amqp.NewConnector(amqp.Config(d.config), "watch", nil)
	var beside errgroup.Group
	beside.Go(func() error { return connector.Run(watching) })
	beside.Go(func() error {
		(&looker{demo: d, broker: connector, queues: make(map[string]*meter), depths: make(map[string]int)}).run(watching)
		return nil
	})
	defer context.AfterFunc(ctx, func() { d.job.stop() })() // otherwise the action would send requests to a closed service
	err := d.app.Run(ctx, d.listener, live.Beside(live.New(ctx, d, d.log), d.app.Handler()))
	if ended := d.job.stop(); ended != nil { // stop it here too, since Run may end before ctx is done
		<-ended
	}
	stop()
	return errors.Join(err, beside.Wait())
}
