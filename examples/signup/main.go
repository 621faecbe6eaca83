// Command signup demonstrates Warren from end to end: a sign-up page that answers
// without waiting for e-mail, analytics and billing.
//
//	go run ./examples/signup
//
// It uses a broker in the process, or the RabbitMQ at AMQP_URL, and serves a live page
// that shows what happens. With -role it runs one of several processes that share a
// RabbitMQ and together do the same.
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
	context.AfterFunc(ctx, stop) // a second signal then ends the process at once
	o, err := parse(os.Args[1:], os.Getenv, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		os.Exit(2) // parse has printed the error
	}
	if err := run(ctx, o, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "signup:", oneLine(err))
		os.Exit(1)
	}
}

// oneLine returns the text of err on one line. Joined errors are separated by semicolons,
// and adjacent duplicates are removed.
func oneLine(err error) string {
	text := strings.NewReplacer(":\n\t", ": ", "\n\t", "\n").Replace(err.Error())
	return strings.Join(slices.Compact(strings.Split(text, "\n")), "; ")
}

// run runs the mode that the options select until ctx is done.
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
