package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/examples/signup/analytics"
	"github.com/warren-mq/warren/examples/signup/event"
	"github.com/warren-mq/warren/examples/signup/verification"
	"github.com/warren-mq/warren/examples/signup/welcome"
	"github.com/warren-mq/warren/internal/rabbit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testOptions are of a service with an exchange and queues of the test's own.
func testOptions(t *testing.T) options {
	t.Helper()
	prefix := rabbit.Queue(t) + "."
	ch := rabbit.Channel(t, rabbit.URL(t))
	t.Cleanup(func() {
		for _, q := range []string{welcome.Queue, verification.Queue, analytics.Queue} {
			for _, name := range []string{prefix + q, broker.DeadLetterQueue(prefix + q)} {
				if _, err := ch.QueueDelete(name, false, false, false); err != nil {
					t.Errorf("delete %s: %v", name, err)
				}
			}
		}
		if err := ch.ExchangeDelete(prefix+"events", false, false); err != nil {
			t.Errorf("delete the exchange: %v", err)
		}
	})
	return options{url: rabbit.URL(t), listen: "127.0.0.1:0", prefix: prefix, wait: 30 * time.Second}
}

func TestTheSelfTestTellsTheStory(t *testing.T) {
	t.Parallel()
	o := testOptions(t)
	o.selfTest = true
	var out bytes.Buffer
	start := time.Now()
	if err := run(t.Context(), o, &out, io.Discard); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	if took := time.Since(start); took > 15*time.Second {
		t.Errorf("took %v, want less than 15s", took)
	}
	for _, want := range []string{
		"fan-out: one event", "urgent: a second verification mail",
		"welcome-email succeeded on attempt 3", "verification-email succeeded on attempt 3",
		"welcome-email.dlq has it, reason permanent", "verification-email.dlq has it, reason permanent",
		"3 sign-ups counted", "passed",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, &out)
		}
	}
}

func TestWhatWasAcceptedBeforeTheStopIsDoneOrWaits(t *testing.T) {
	t.Parallel()
	const visitors = 20
	a := newApp(testOptions(t), slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(t.Context())
	var gone string
	err := a.run(ctx, func(ctx context.Context, url string) error {
		gone = strings.TrimPrefix(url, "http://")
		v := newVisitor(url)
		defer v.leave()
		for i := range visitors {
			if _, _, err := v.post(ctx, "/signup", fmt.Sprintf("visitor-%d@example.test", i)); err != nil {
				return err
			}
		}
		stop()
		return nil
	})
	if err != nil {
		t.Fatalf("run returned %v, want nil after a clean stop", err)
	}
	welcomed := 0
	for i := range visitors {
		for _, m := range a.mailbox.To(fmt.Sprintf("visitor-%d@example.test", i)) {
			if m.Subject == "Welcome!" {
				welcomed++
			}
		}
	}
	waiting := rabbit.Depth(t, rabbit.Channel(t, a.url), a.prefix+welcome.Queue)
	t.Logf("%d welcomed, %d waiting", welcomed, waiting)
	if welcomed+waiting != visitors {
		t.Errorf("%d are welcomed and %d wait, want %d together", welcomed, waiting, visitors)
	}
	if conn, err := net.Dial("tcp", gone); err == nil {
		t.Errorf("%s still takes connections: %v", gone, conn.Close())
	}
	if err := a.publisher.Publish(t.Context(), event.SignedUp, event.User{}); !errors.Is(err, broker.ErrClosed) {
		t.Errorf("publishing after the stop gives %v, want %v", err, broker.ErrClosed)
	}
}

func TestWithoutABrokerItEndsWithItsReason(t *testing.T) {
	t.Parallel()
	o := options{url: "amqp://guest:secret@127.0.0.1:1/", listen: "127.0.0.1:0", wait: 100 * time.Millisecond}
	var out bytes.Buffer
	err := run(t.Context(), o, &out, &out)
	if err == nil || !strings.Contains(err.Error(), "not connected within 100ms") || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("got %v, want where it found no broker, and for how long it tried", err)
	}
	if strings.Contains(out.String(), "secret") {
		t.Errorf("the password is shown: %s", &out)
	}
}

func TestAListenAddressThatIsNoneIsAnError(t *testing.T) {
	t.Parallel()
	err := run(t.Context(), options{listen: "127.0.0.1:none"}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "listen") {
		t.Errorf("got %v, want why it cannot listen", err)
	}
}
