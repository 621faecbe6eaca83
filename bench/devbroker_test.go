package bench_test

import (
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// BenchmarkDevbroker runs the same plain client on RabbitMQ and on devbroker, which
// lives in the client's process and so shares its memory and its garbage collection.
func BenchmarkDevbroker(b *testing.B) {
	embedded, err := devbroker.Start(devbroker.Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := embedded.Close(); err != nil {
			b.Error(err)
		}
	})
	for _, kind := range []string{topology.Classic, topology.Quorum} {
		b.Run(kind, func(b *testing.B) {
			beside(b, kind, rabbit.URL(b), embedded.URL())
		})
	}
}

func beside(b *testing.B, kind, rabbitURL, devURL string) {
	queue := rabbit.Queue(b)
	for _, url := range []string{rabbitURL, devURL} {
		ch := rabbit.Channel(b, url)
		if _, err := ch.QueueDeclare(queue, true, false, false, false, amqp.Table{"x-queue-type": kind}); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			if _, err := ch.QueueDelete(queue, false, false, false); err != nil {
				b.Error(err)
			}
		})
	}
	for range b.N {
		published, consumed := map[string][]rate{}, map[string][]rate{}
		for range pairs {
			for _, url := range []string{rabbitURL, devURL} {
				published[url] = append(published[url], publishPlain(b, url, queue, messages, window))
				consumed[url] = append(consumed[url], plain{decode: decoded, batch: 1}.consume(b, url, worker.Queue{Name: queue, Prefetch: 100, Concurrency: 1}))
			}
		}
		report(b, "publish", published[rabbitURL], published[devURL])
		report(b, "consume", consumed[rabbitURL], consumed[devURL])
	}
}

// report gives the medians, and the median of the ratios pair by pair.
func report(b *testing.B, what string, rabbitmq, dev []rate) {
	perSecond := func(r rate) float64 { return r.perSecond }
	ratios := make([]float64, len(dev))
	for i := range dev {
		ratios[i] = dev[i].perSecond / rabbitmq[i].perSecond
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(ratios), what+"-ratio")
	b.ReportMetric(median(pick(rabbitmq, perSecond)), what+"-rabbitmq-msg/s")
	b.ReportMetric(median(pick(dev, perSecond)), what+"-devbroker-msg/s")
}
