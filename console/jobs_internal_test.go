package console

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/warren-mq/warren/broker"
)

func TestRunDoesNotWaitForAnActionThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		c, err := New(Config{Broker: broker.Config{URL: "amqp://localhost"}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended, release := make(chan error), make(chan struct{})
		go func() { ended <- c.Run(ctx) }()
		synctest.Wait()
		_, err = c.start(job{What: "replay", Queue: "q.dlq"}, func(context.Context, func(func(*job))) error {
			<-release
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		stop()
		if err := <-ended; err != nil || !strings.Contains(log.String(), "replay q.dlq") {
			t.Errorf("Run returned %v and logged %q, want nil and the action that runs", err, log.String())
		}
		close(release)
		c.jobs.running.Wait()
	})
}
