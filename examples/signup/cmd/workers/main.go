// Command workers is Warren's runner with the handlers of the sign-up: the workers of
// examples/signup, run from a file.
//
//	go run ./examples/signup/cmd/workers run -c examples/signup/config.yaml
//
// AMQP_URL, SMTP_URL, SIGNUP_SECRET and SIGNUP_DATA (a folder) are those of the other
// processes; SIGNUP_SITE is where the links in mails lead.
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
		slog.Warn("workers: SIGNUP_SECRET is empty: the service takes none of the links in the mails")
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
