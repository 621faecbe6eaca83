// Command workers runs the workers of examples/signup from a configuration file: it is
// Warren's runner with the sign-up's handlers compiled in.
//
//	go run ./examples/signup/cmd/workers run -c examples/signup/config.yaml
//
// AMQP_URL, SMTP_URL, SIGNUP_SECRET and SIGNUP_DATA (a folder) must have the same values as
// in the other processes. SIGNUP_SITE is the URL that the links in mails begin with.
package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/warren-mq/warren/examples/signup/internal/app"
	"github.com/warren-mq/warren/runner"
)

func main() {
	a, err := app.New(context.Background(), app.Config{
		Database: os.Getenv("DATABASE_URL"), Data: cmp.Or(os.Getenv("SIGNUP_DATA"), "."), Logger: slog.Default(),
		SMTP: cmp.Or(os.Getenv("SMTP_URL"), "smtp://localhost:25"), Secret: []byte(os.Getenv("SIGNUP_SECRET")),
		Site: cmp.Or(os.Getenv("SIGNUP_SITE"), "http://127.0.0.1:8080"),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "workers:", err)
		os.Exit(1)
	}
	if os.Getenv("SIGNUP_SECRET") == "" {
		slog.Warn("workers: SIGNUP_SECRET is empty, so the service will refuse every link in the mails")
	}
	all := a.Handlers()
	handlers := make([]runner.Handler, 0, len(all))
	for name, h := range all {
		handlers = append(handlers, runner.Go(name, h))
	}
	status := runner.Run(context.Background(), os.Args[1:], handlers...)
	if err := a.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "workers:", err)
	}
	os.Exit(status)
}
