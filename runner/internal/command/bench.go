package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/topology"
)

// load holds the flags of bench.
type load struct {
	count       int
	duration    time.Duration
	size        config.Size
	concurrency int
	queueType   string
}

func (p *Program) benchCommand() *cobra.Command {
	c := parent("bench", "Measure the broker, with a queue that is deleted at the end")
	c.AddCommand(
		p.benchmark("publish", "Measure publishing: each message is persistent and confirmed", benchPublish),
		p.benchmark("consume", "Measure consuming: each message was published before and is acknowledged", benchConsume),
		p.benchmark("roundtrip", "Measure the time from publishing a message to receiving it", benchRoundtrip),
	)
	return c
}

// bench is a running measurement.
type bench struct {
	load
	broker broker.Config
	queue  string
	meter  *meter
}

func (p *Program) benchmark(name, short string, measure func(context.Context, *bench) error) *cobra.Command {
	w := load{size: 1 << 10}
	c := &cobra.Command{
		Use: name, Short: short, Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := w.check(); err != nil {
				return err
			}
			return p.bench(cmd.Context(), name, w.withDefaults(name), measure)
		},
	}
	f := c.Flags()
	f.IntVar(&w.count, "count", 0, "number of messages; 0 means as many as --duration allows")
	if name != "consume" {
		f.DurationVar(&w.duration, "duration", 0, "how long to measure; 0 means 10s unless --count is set")
	} else {
		f.Lookup("count").Usage = "number of messages; 0 means 10000"
	}
	f.TextVar(&w.size, "size", w.size, "`size` of a body, such as 512B or 4KiB")
	f.IntVar(&w.concurrency, "concurrency", 8, "messages published or handled at the same time")
	f.StringVar(&w.queueType, "queue-type", topology.Quorum, "quorum or classic")
	return c
}

const (
	maxBenchSize        = 16 << 20 // the default limit of RabbitMQ since 4.0
	maxBenchConcurrency = 2000     // goroutines; they share channels
)

func (w load) check() error {
	var errs []error
	if w.count < 0 {
		errs = append(errs, fmt.Errorf("runner: --count is %d, want 0 or more", w.count))
	}
	if w.duration < 0 {
		errs = append(errs, fmt.Errorf("runner: --duration is %v, want more than 0", w.duration))
	}
	if w.size < 0 || w.size > maxBenchSize {
		errs = append(errs, fmt.Errorf("runner: --size is %d bytes, want 0 to %d", w.size, maxBenchSize))
	}
	if w.concurrency < 1 || w.concurrency > maxBenchConcurrency {
		errs = append(errs, fmt.Errorf("runner: --concurrency is %d, want 1 to %d", w.concurrency, maxBenchConcurrency))
	}
	if w.queueType != topology.Quorum && w.queueType != topology.Classic {
		errs = append(errs, fmt.Errorf("runner: --queue-type is %q, want quorum or classic", w.queueType))
	}
	if len(errs) > 0 {
		return usage(errors.Join(errs...))
	}
	return nil
}

func (w load) withDefaults(name string) load {
	switch {
	case name == "consume" && w.count == 0:
		w.count = 10_000
	case w.count == 0 && w.duration == 0:
		w.duration = 10 * time.Second
	}
	return w
}

// bench measures with a queue of its own.
func (p *Program) bench(ctx context.Context, name string, w load, measure func(context.Context, *bench) error) error {
	c, err := p.load(false)
	if err != nil {
		return err
	}
	b := &bench{load: w, meter: new(meter)}
	if b.broker, err = p.broker(ctx, c); err != nil {
		return err
	}
	remove, err := b.declare(ctx)
	if err != nil {
		return err
	}
	total := w.count
	if total == 0 {
		total = -1
	}
	b.meter.bar = p.progress(total, name)
	err = errors.Join(measure(ctx, b), remove())
	b.meter.bar.end()
	if err != nil {
		return err
	}
	return p.show(b.meter.table(name, w))
}
