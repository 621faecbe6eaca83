// Command signup is Warren's story from end to end: a service that publishes one
// event for each sign-up, and three workers that welcome, verify and count.
//
//	go run ./examples/signup
//
// It runs on the embedded broker, or on the RabbitMQ that AMQP_URL names.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/warren-mq/warren/broker"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal is not for us
	o, err := parse(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		os.Exit(2) // parse has said why
	}
	if err := run(ctx, o, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "signup:", strings.ReplaceAll(err.Error(), "\n", "; "))
		os.Exit(1)
	}
}

// options are those of the command line, and the broker's URL.
type options struct {
	url      string
	listen   string
	prefix   string
	wait     time.Duration
	selfTest bool
}

func parse(args []string, stderr io.Writer) (options, error) {
	o := options{url: cmp.Or(os.Getenv("AMQP_URL"), broker.Embedded)}
	f := flag.NewFlagSet("signup", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.listen, "listen", "127.0.0.1:8080", "`address` of the HTTP service; port 0 is any free one")
	f.StringVar(&o.prefix, "prefix", "", "`text` before the names of the exchange and the queues")
	f.DurationVar(&o.wait, "wait", 5*time.Second, "how long to wait for the broker at the start")
	f.BoolVar(&o.selfTest, "self-test", false, "tell the story without a person, and end; by default on any free port, with a prefix of its own")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	given := make(map[string]bool)
	f.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if o.selfTest && !given["listen"] {
		o.listen = "127.0.0.1:0"
	}
	if o.selfTest && !given["prefix"] {
		o.prefix = "selftest-" + strings.ToLower(rand.Text()[:8]) + "."
	}
	return o, nil
}

func (o options) broker() broker.Config {
	return broker.Config{URL: o.url, Name: "signup", StartupTimeout: o.wait}
}

func run(ctx context.Context, o options, stdout, stderr io.Writer) error {
	out := log.New(stdout, "", 0)
	out.Println("connecting to", broker.Redact(o.url))
	if o.selfTest {
		return selfTest(ctx, o, out)
	}
	a := newApp(o, slog.New(slog.NewTextHandler(stderr, nil)))
	return a.run(ctx, func(ctx context.Context, url string) error {
		out.Printf(invitation, url)
		<-ctx.Done()
		return nil
	})
}

const invitation = `listening on %[1]s; sign somebody up:

  curl -i %[1]s/signup -d email=alice@example.com -d name=Alice

and see what the three workers did, by the id it answers:

  curl %[1]s/accounts/ID

Addresses at bounce.test fail for good, those at flaky.test twice. Ask for a new
verification mail, which overtakes all others:

  curl -i %[1]s/verify/resend -d email=alice@example.com

Ctrl-C stops it.
`
