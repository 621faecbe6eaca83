// Command signup is Warren's story from end to end: a sign-up page that makes nobody
// wait for e-mail, analytics and billing.
//
//	go run ./examples/signup
//
// It runs on a broker in the process, or on the RabbitMQ that AMQP_URL names, and shows
// itself on a live page. With -role it is one of the processes that do the same on a
// RabbitMQ they share.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal is not for us
	o, err := parse(os.Args[1:], os.Getenv, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		os.Exit(2) // parse has said why
	}
	if err := run(ctx, o, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "signup:", oneLine(err))
		os.Exit(1)
	}
}

// oneLine is an error that may be several, each said once.
func oneLine(err error) string {
	text := strings.NewReplacer(":\n\t", ": ", "\n\t", "\n").Replace(err.Error())
	return strings.Join(slices.Compact(strings.Split(text, "\n")), "; ")
}

// run does what the options say until ctx is done.
func run(ctx context.Context, o options, stdout, stderr io.Writer) (err error) {
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	data, remove, err := o.folder()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	o.data = data
	switch {
	case o.selfTest:
		return runSelfTest(ctx, o, stdout)
	case o.role == all:
		return runDemo(ctx, o, log, stdout)
	}
	return runRole(ctx, o, log, stdout)
}
