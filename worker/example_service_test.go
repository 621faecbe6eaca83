package worker_test

import (
	"context"
	"database/sql"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"golang.org/x/time/rate"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/dedupe"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/middleware"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/worker"
)

// order is what both queues of the service receive.
type order struct {
	ID    string `json:"id"`
	Cents int    `json:"cents"`
}

func charge(context.Context, order) error { return nil }

func ship(context.Context, order) error { return nil }

// A whole service: two queues, one of them with a middleware and with a store of handled
// messages in SQL, a handler that publishes, metrics and readiness.
func Example_service() {
	metrics, err := prometheus.New()
	if err != nil {
		log.Fatal(err)
	}
	db, err := sql.Open("pgx", os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := db.ExecContext(context.Background(), dedupe.SQLSchema); err != nil {
		log.Fatal(err)
	}

	w := worker.New(worker.Config{
		Broker:        broker.Config{URL: os.Getenv("AMQP_URL")},
		MeterProvider: metric.NewMeterProvider(metric.WithReader(metrics)),
	})
	orders := w.Publisher("orders")

	payments := w.Queue(worker.Queue{
		Name: "payments", Exchange: "orders", Concurrency: 8,
		Middleware: []handler.Middleware{
			middleware.RateLimit(rate.NewLimiter(50, 10)), middleware.Dedupe(dedupe.NewSQL(db)),
		},
	})
	payments.Handle("order.placed", handler.Typed(func(ctx context.Context, o order) error {
		if err := charge(ctx, o); err != nil {
			return retry.After(time.Minute, err)
		}
		return orders.Publish(ctx, "order.paid", o)
	}))
	shipments := w.Queue(worker.Queue{Name: "shipments", Exchange: "orders"})
	shipments.Handle("order.paid", handler.Typed(ship))

	http.Handle("/", w.HealthHandler(nil)) // /livez and /readyz
	http.Handle("/metrics", promhttp.Handler())
	go func() { log.Print(http.ListenAndServe("127.0.0.1:8080", nil)) }()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := w.Run(ctx); err != nil {
		log.Print(err)
	}
}
