package rabbit_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"go.uber.org/goleak"

	"github.com/warren-mq/warren/internal/rabbit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestURLFailsTheTestWithoutABroker(t *testing.T) {
	if os.Getenv("RABBIT_TEST_CHILD") != "" {
		rabbit.URL(t)
		return
	}
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), "AMQP_URL=", "RABBIT_TEST_CHILD=1")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "run make test") {
		t.Errorf("without AMQP_URL: %v, want a failed test with the command to run:\n%s", err, out)
	}
}

func TestQueueNamesNeverMeet(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, name := range []string{"plain", "a name / with.odd ünicode", strings.Repeat("long", 100)} {
		t.Run(name, func(t *testing.T) {
			for range 100 {
				q := rabbit.Queue(t)
				if seen[q] || len(q) > 240 || strings.ContainsAny(q, "./ ") {
					t.Fatalf("bad or repeated name %q", q)
				}
				seen[q] = true
			}
		})
	}
}

func TestSharedBroker(t *testing.T) {
	t.Parallel()
	ch := rabbit.Channel(t, rabbit.URL(t))
	queue := declare(t, ch)
	publish(t, ch, queue)
	if got := rabbit.Depth(t, ch, queue); got != 1 {
		t.Errorf("depth is %d after one confirmed message, want 1", got)
	}
}

func TestEventuallyAsksUntilItIsTrue(t *testing.T) {
	t.Parallel()
	asked := 0
	rabbit.Eventually(t, time.Minute, func() bool { asked++; return asked == 3 }, "third time")
	if asked != 3 {
		t.Errorf("asked %d times, want 3", asked)
	}
}

// declare makes a durable quorum queue that is deleted when the test ends.
func declare(t *testing.T, ch *amqp.Channel) string {
	t.Helper()
	queue := rabbit.Queue(t)
	_, err := ch.QueueDeclare(queue, true, false, false, false, amqp.Table{amqp.QueueTypeArg: amqp.QueueTypeQuorum})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if ch.IsClosed() { // its broker was killed and is removed with all queues
			return
		}
		if _, err := ch.QueueDelete(queue, false, false, false); err != nil {
			t.Error(err)
		}
	})
	return queue
}

// publish sends one persistent message and waits for its confirm.
func publish(t *testing.T, ch *amqp.Channel, queue string) {
	t.Helper()
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	msg := amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte("kept")}
	confirm, err := ch.PublishWithDeferredConfirmWithContext(t.Context(), "", queue, true, false, msg)
	if err != nil {
		t.Fatal(err)
	}
	if acked, err := confirm.WaitContext(t.Context()); err != nil || !acked {
		t.Fatalf("confirm is %v, %v, want an ack", acked, err)
	}
}
