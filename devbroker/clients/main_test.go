//go:build clients

package clients_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/warren-mq/warren/devbroker"
)

const installTimeout = 5 * time.Minute

// TestMain lets many programs run at once, since most of their time is waiting. The
// test's own binary also stands in for rabbitmqctl: see management_test.go.
func TestMain(m *testing.M) {
	if alarm := os.Getenv(alarmVariable); alarm != "" {
		exit(rabbitmqctl(alarm, os.Args[1:]))
	}
	flag.Parse()
	if err := errors.Join(flag.Set("test.parallel", "24"), install()); err != nil {
		exit(err)
	}
	goleak.VerifyTestMain(m)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// install makes sure that the clients are there. What is missing is a failure.
func install() error {
	ctx, cancel := context.WithTimeout(context.Background(), installTimeout)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "./install").CombinedOutput(); err != nil {
		return fmt.Errorf("clients: install: %w\n%s", err, out)
	}
	return nil
}

// onEachBroker runs test on a devbroker of each version, or on the RabbitMQ that
// AMQP_URL names, to see that it does what is wanted of devbroker.
func onEachBroker(t *testing.T, test func(t *testing.T, url string)) {
	t.Parallel()
	if url := os.Getenv("AMQP_URL"); strings.HasPrefix(url, "amqp") {
		test(t, url)
		return
	}
	for _, version := range []string{"3.10", "4.0", "4.3"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			test(t, start(t, version).URL())
		})
	}
}

// start starts a devbroker of a version, which is its own choice if empty, and
// closes it when the test ends.
func start(t *testing.T, version string) *devbroker.Broker {
	t.Helper()
	broker, err := devbroker.Start(devbroker.Config{Version: version})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := broker.Close(); err != nil {
			t.Error(err)
		}
	})
	return broker
}
