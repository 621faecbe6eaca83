package ladder_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/amqp/ladder"
)

// childVariable makes the test binary migrate the ladder of the broker that it names.
const childVariable = "LADDER_OF"

func TestMain(m *testing.M) {
	if url := os.Getenv(childVariable); url != "" {
		if _, err := migrate(context.Background(), url, func() { fmt.Println() }); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// migrate migrates the ladder of a broker.
func migrate(ctx context.Context, url string, moved func()) (r ladder.Result, err error) {
	cfg := amqp.Config{URL: url}
	session, err := amqp.Dial(ctx, cfg, "test")
	if err != nil {
		return r, err
	}
	defer func() { _ = session.Close() }()
	sender := amqp.NewSender(cfg, "test", nil)
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- sender.Run(running) }()
	found, err := ladder.Find(ctx, session, []string{"events"}, []string{"email"})
	if err == nil {
		m := ladder.Migration{Session: session, Sender: sender, Quiet: 2 * time.Second, OnMoved: moved}
		r, err = m.Run(ctx, found)
	}
	stop()
	return r, errors.Join(err, <-ended)
}
