package worker_test

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/retry"
)

// documented returns a user with the permissions that docs/operations.md shows for a role, for
// a queue and the exchange that exchangeOf names.
func documented(t *testing.T, queue, role string) rabbit.User {
	t.Helper()
	docs, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(docs), "\n## Permissions\n")
	_, shown, found := strings.Cut(section, "\n"+role+" ")
	words := strings.Fields(shown)
	if !found || len(words) < 6 || words[0] != "configure" || words[2] != "write" || words[4] != "read" {
		t.Fatalf("docs/operations.md has no permissions of a %s", role)
	}
	pattern := func(i int) string {
		p := strings.ReplaceAll(words[i], "welcome-email", regexp.QuoteMeta(queue))
		return strings.ReplaceAll(p, "events", regexp.QuoteMeta(exchangeOf(queue)))
	}
	return rabbit.User{Name: rabbit.Queue(t), Password: "secret", Configure: pattern(1), Write: pattern(3), Read: pattern(5)}
}

func exchangeOf(queue string) string { return queue + "-events" }

// publishAs publishes a message to the exchange of b as a user.
func publishAs(t *testing.T, b *bench, url, key string, opts ...broker.Option) error {
	t.Helper()
	pub := broker.NewPublisher(broker.Config{URL: url, Dial: rabbit.Dial}, b.exchange)
	defer func() {
		if err := pub.Close(); err != nil {
			t.Error(err)
		}
	}()
	return pub.Publish(t.Context(), key, 1, opts...)
}

func TestTheDocumentedPermissionsSuffice(t *testing.T) {
	withNode(t, func(t *testing.T, node rabbit.Node) {
		queue := rabbit.Queue(t)
		plain := node.Permit(t, documented(t, queue, "publisher"))
		delaying := node.Permit(t, documented(t, queue, "delaying"))
		working := node.Permit(t, documented(t, queue, "worker"))
		b := newBenchAt(t, node.URL()) // no earlier: a user may cost devbroker its connections
		b.url, b.exchange = working, exchangeOf(queue)
		b.queue.Name, b.queue.Exchange = queue, b.exchange
		r := b.runMux(map[string]handler.Handler{
			"fine":  nothing,
			"fails": handler.Typed(func(_ context.Context, _ int) error { return errBoom }),
			"far":   handler.Typed(func(_ context.Context, _ int) error { return retry.After(time.Hour, errBoom) }),
		})
		for _, key := range []string{"fine", "fails", "far"} {
			if err := publishAs(t, b, plain, key); err != nil {
				t.Errorf("the publisher: %v", err)
			}
		}
		if err := publishAs(t, b, delaying, "fine", broker.WithDelay(100*time.Millisecond)); err != nil {
			t.Errorf("the publisher with a delay: %v", err)
		}
		if err := publishAs(t, b, plain, "fine", broker.WithDelay(time.Second)); err == nil {
			t.Error("a publisher without the permission published with a delay")
		}
		b.verdicts(1 + quick.MaxAttempts + 1 + 1)
		b.deadLetter()
		b.eventually("the far retry waits in a level", func() bool {
			return exists(t, node.URL(), "warren.delay.2048s") && b.depth("warren.delay.2048s") == 1
		})
		if h := r.worker.Health(); !h.Ready || len(h.Warnings) > 0 {
			t.Errorf("the worker is ready: %v, with %q and %q", h.Ready, h.Reasons, h.Warnings)
		}
	})
}
