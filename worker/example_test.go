package worker_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/time/rate"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/dedupe"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/middleware"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

type SignedUp struct {
	Email string `json:"email"`
}

func sendWelcome(ctx context.Context, u SignedUp) error {
	slog.InfoContext(ctx, "welcome", "email", u.Email)
	return nil
}

// A complete program: durable topology, retries with exponential backoff, dead
// letters, reconnection, and a graceful drain on SIGTERM.
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	w := worker.New(worker.Config{Broker: broker.Config{URL: os.Getenv("AMQP_URL")}})
	welcome := w.Queue(worker.Queue{Name: "welcome-email", Exchange: "events", Concurrency: 8})
	welcome.Handle("user.signed_up", handler.Typed(sendWelcome))

	if err := w.Run(ctx); err != nil {
		log.Print(err)
	}
}

// What is wrong is told at once and in full, before anything is connected.
func ExampleWorker_Run() {
	w := worker.New(worker.Config{Broker: broker.Config{URL: "amqp://rabbitmq.example.org"}})
	w.Queue(worker.Queue{Name: "welcome-email", MaxPriority: 255, Concurrency: -1})
	fmt.Println(w.Run(context.Background()))
	// Output:
	// topology: queue "welcome-email": MaxPriority is 255, want 0 to 10: each level costs the broker memory
	// worker: queue "welcome-email": no handler is registered
	// worker: queue "welcome-email": Concurrency is -1, want 1 or more
}

// What the handler returns decides what becomes of the message.
func ExampleSubscription_Handle() {
	var (
		errBounced = errors.New("the mailbox does not exist")
		errBusy    = errors.New("too many requests")
		errGone    = errors.New("the user has left")
	)
	send := func(SignedUp) error { return nil }

	w := worker.New(worker.Config{Broker: broker.Config{URL: os.Getenv("AMQP_URL")}})
	q := w.Queue(worker.Queue{Name: "welcome-email", Exchange: "events"})
	q.Handle("user.signed_up", handler.Typed(func(_ context.Context, u SignedUp) error {
		switch err := send(u); {
		case errors.Is(err, errBounced):
			return retry.Permanent(err) // a dead letter at once
		case errors.Is(err, errBusy):
			return retry.After(time.Minute, err) // again in a minute, whatever the policy says
		case errors.Is(err, errGone):
			return retry.Discard(err) // not wanted any more
		case time.Now().Hour() < 8:
			return retry.Snooze(time.Hour) // later; no attempt is spent
		default:
			return err // nil is done; an error is tried again after the policy
		}
	}))
}

// A retry policy is a value of the queue.
func ExampleQueue_retry() {
	w := worker.New(worker.Config{Broker: broker.Config{URL: os.Getenv("AMQP_URL")}})
	w.Queue(worker.Queue{
		Name:    "invoice",
		Retry:   retry.Policy{MaxAttempts: 12, InitialInterval: 5 * time.Second, MaxInterval: time.Hour},
		Timeout: 5 * time.Minute,
	})
}

// Messages of one customer are handled one after the other, messages of different
// customers at the same time.
func ExampleQueue_orderBy() {
	w := worker.New(worker.Config{Broker: broker.Config{URL: os.Getenv("AMQP_URL")}})
	w.Queue(worker.Queue{
		Name: "ledger", Exchange: "payments", Concurrency: 16,
		OrderBy: func(m *message.Message) string { return m.Headers.String("customer") },
	})
}

// The messages of one customer stay in order, and several processes share the customers.
func ExampleQueue_partitions() {
	w := worker.New(worker.Config{Broker: broker.Config{URL: os.Getenv("AMQP_URL")}})
	w.Queue(worker.Queue{
		Name: "bookings", Exchange: "shop", Partitions: 8,
		OrderBy: func(m *message.Message) string { return m.Headers.String("customer") },
	})
}

// Urgent messages overtake those that wait in the broker.
func ExampleQueue_priorities() {
	w := worker.New(worker.Config{Broker: broker.Config{URL: os.Getenv("AMQP_URL")}})
	w.Queue(worker.Queue{Name: "notify", Exchange: "events", MaxPriority: 5, Concurrency: 4}).
		Handle("notify.*", handler.Typed(sendWelcome))

	pub := broker.NewPublisher(broker.Config{URL: os.Getenv("AMQP_URL")}, "events")
	defer func() { _ = pub.Close() }()
	err := pub.Publish(context.Background(), "notify.password_reset", SignedUp{Email: "alice@example.com"}, broker.WithPriority(5))
	if err != nil {
		log.Print(err)
	}
}

// Middleware of the worker wraps the middleware of the queue, the first outermost.
func ExampleQueue_middleware() {
	seen := dedupe.NewMemory(24*time.Hour, 100_000)
	w := worker.New(worker.Config{Middleware: []handler.Middleware{middleware.RateLimit(rate.NewLimiter(50, 1))}})
	w.Queue(worker.Queue{
		Name: "charge", Exchange: "orders",
		Middleware: []handler.Middleware{middleware.Dedupe(seen)},
	})
}

// A queue can be paused and scaled while it works.
func ExampleSubscription_SetConcurrency() {
	w := worker.New(worker.Config{Broker: broker.Config{URL: os.Getenv("AMQP_URL")}})
	q := w.Queue(worker.Queue{Name: "import", Concurrency: 8})
	q.Handle("#", handler.Typed(sendWelcome))

	q.SetConcurrency(2) // the surplus goroutines end with the message they have
	q.Pause()           // what no handler has seen goes back to the queue
	q.Resume()
	fmt.Printf("%s: %s, %d at a time\n", q.Name(), q.Health().State, q.Health().Concurrency)
	// Output: import: starting, 2 at a time
}

// Everything that happens is one stream of events.
func ExampleWorker_Watch() {
	w := worker.New(worker.Config{})
	w.Watch(func(e worker.Event) {
		switch e := e.(type) {
		case worker.Settled:
			if e.Outcome.Verdict == worker.DeadLetter {
				fmt.Println("given up on", e.Message.ID, "of", e.Queue, "because of", e.Outcome.Err)
			}
		case worker.StateChanged:
			fmt.Println(e.Queue, "is", e.State, e.Err)
		}
	})
}

// Health answers a readiness probe: it says what is wrong, and is content with a
// queue that was paused on purpose.
func ExampleWorker_Health() {
	w := worker.New(worker.Config{Broker: broker.Config{URL: os.Getenv("AMQP_URL")}})
	w.Queue(worker.Queue{Name: "welcome-email"}).Handle("#", handler.Typed(sendWelcome))

	mux := http.NewServeMux()
	mux.HandleFunc("/ready", func(out http.ResponseWriter, _ *http.Request) {
		if h := w.Health(); !h.Ready {
			http.Error(out, fmt.Sprint(h.Reasons), http.StatusServiceUnavailable)
		}
	})
	for _, reason := range w.Health().Reasons {
		fmt.Println(reason)
	}
	// Output:
	// consuming connection: not tried yet
	// publishing connection: not tried yet
	// queue welcome-email is starting
}

// The topology is plain data: to be planned, exported, or looked at.
func ExampleWorker_Topology() {
	w := worker.New(worker.Config{Broker: broker.Config{URL: os.Getenv("AMQP_URL")}})
	w.Queue(worker.Queue{Name: "welcome-email", Exchange: "events"}).Handle("user.*", handler.Typed(sendWelcome))
	for _, b := range w.Topology().Bindings {
		if b.Exchange == "events" || b.Exchange == topology.DeadLetterExchange {
			fmt.Printf("%s → %s by %q\n", b.Exchange, b.Queue, b.Key)
		}
	}
	// Output:
	// warren.dlx → welcome-email.dlq by "welcome-email"
	// events → welcome-email by "user.*"
}

// Two workers share one pair of connections.
func ExampleNewConnections() {
	connections := worker.NewConnections(broker.Config{URL: os.Getenv("AMQP_URL")}, nil)
	mails := worker.New(worker.Config{Connections: connections})
	reports := worker.New(worker.Config{Connections: connections})
	ended := make(chan error, 3)
	for _, run := range []func(context.Context) error{connections.Run, mails.Run, reports.Run} {
		go func() { ended <- run(context.Background()) }()
	}
	fmt.Println(<-ended)
}

// A queue of another team is consumed as it is: nothing of it is declared, failed messages wait
// in the worker, and dead letters go to the team's own exchange.
func ExampleQueue_ofOthers() {
	w := worker.New(worker.Config{Broker: broker.Config{URL: os.Getenv("AMQP_URL"), Topology: topology.Verify}})
	orders := w.Queue(worker.Queue{
		Name: "orders", Type: topology.Classic, HoldRetries: true, Prefetch: 50,
		DeadLetters: topology.DeadLetters{Exchange: "orders.dlx", Key: "failed"},
	})
	orders.Handle("orders", handler.Typed(sendWelcome))
	if err := w.Run(context.Background()); err != nil {
		log.Print(err) // names each queue and exchange that does not exist
	}
}
