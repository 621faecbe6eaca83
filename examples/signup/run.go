package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/examples/signup/internal/app"
	"github.com/warren-mq/warren/examples/signup/internal/demo"
	"github.com/warren-mq/warren/examples/signup/internal/live"
)

// runDemo runs every part in this process, with the pages that show what happens.
func runDemo(ctx context.Context, o options, logger *slog.Logger, stdout io.Writer) (err error) {
	d, err := demo.New(ctx, o.demo(logger))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	o.printBroker(stdout)
	log.New(stdout, "", 0).Printf(invitation, d.Site()+live.SignUpPath, d.Site()+live.LivePath, d.Site()+live.InboxPath)
	return d.Run(ctx)
}

// printBroker prints that the broker keeps its messages in memory only, if it does.
func (o options) printBroker(stdout io.Writer) {
	if o.broker == "" {
		log.New(stdout, "", 0).Print("Broker: in memory, in this process (set AMQP_URL to use a RabbitMQ)")
	}
}

const invitation = `Sign up here:      %s
See what happens:  %s
Read the mails:    %s

Ctrl-C stops it.
`

func (o options) demo(logger *slog.Logger) demo.Config {
	return demo.Config{
		Listen: o.addr, Broker: o.broker, Database: o.database, Data: o.data, SMTP: o.smtp,
		Prefix: o.prefix, Secret: []byte(o.secret), Log: logger,
	}
}

// runRole runs one role of several that run as separate processes.
func runRole(ctx context.Context, o options, logger *slog.Logger, stdout io.Writer) (err error) {
	var listener net.Listener
	if o.role == app.Service {
		if listener, err = net.Listen("tcp", o.addr); err != nil {
			return err
		}
		o.site = cmp.Or(o.site, "http://"+listener.Addr().String())
		log.New(stdout, "", 0).Printf("listening on http://%s", listener.Addr())
	}
	o.site = cmp.Or(o.site, "http://"+o.addr)
	a, err := app.New(ctx, app.Config{
		Broker: broker.Config{URL: o.broker, Name: "signup-" + string(o.role)}, Database: o.database, Data: o.data,
		SMTP: o.smtp, Site: o.site, Secret: []byte(o.secret), Prefix: o.prefix, Logger: logger,
	}, o.role)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	var handler http.Handler
	if listener != nil {
		handler = live.Beside(live.Absent(), a.Handler())
	}
	return a.Run(ctx, listener, handler)
}
