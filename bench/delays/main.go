// Command delays measures retries and delayed messages on a RabbitMQ node, beside the delay
// ladder of earlier versions and beside plain amqp091-go in the same run. Each subcommand
// prints one table.
//
//	scripts/rabbitmq start DIR
//	cd bench && go run ./delays storm -node DIR
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/warren-mq/warren/bench/internal/machine"
)

// options are the flags of all subcommands.
type options struct {
	dir, scripts string
	n, feed      int
	prefetch     int
	delay, most  time.Duration
	ladder       bool
	native       bool
	bound        time.Duration
	kind         string
	fault        string
}

func main() {
	if url := os.Getenv(childURL); url != "" {
		child(url)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "delays:", err)
		os.Exit(1)
	}
}

// subcommands are the measurements by name.
func subcommands() map[string]func(context.Context, *node, options) error {
	return map[string]func(context.Context, *node, options) error{
		"storm": storms, "mixed": mixed, "far": far, "targets": targets, "idle": idle, "faults": faults,
	}
}

func run(ctx context.Context, args []string) error {
	f, o := flag.NewFlagSet("delays", flag.ContinueOnError), options{}
	f.StringVar(&o.dir, "node", "", "folder of a node that scripts/rabbitmq has started; it may be filled, killed and emptied")
	f.StringVar(&o.scripts, "scripts", "../scripts/rabbitmq", "the script that runs the node")
	f.IntVar(&o.n, "n", 20_000, "number of messages, or of queues (idle)")
	f.IntVar(&o.feed, "feed", 256, "messages in a short work queue before their first attempt (storm)")
	f.IntVar(&o.prefetch, "prefetch", 0, "prefetch of the worker; 0 means its default (storm)")
	f.DurationVar(&o.delay, "delay", time.Second, "delay of a retry, ±20 percent (storm)")
	f.DurationVar(&o.most, "most", 3*time.Minute, "longest delay (mixed)")
	f.BoolVar(&o.native, "native", false, "measure native delays, too, which need RabbitMQ 4.3 (storm)")
	f.BoolVar(&o.ladder, "ladder", true, "measure the delay ladder, too (storm)")
	f.DurationVar(&o.bound, "bound", 10*time.Minute, "end after this time")
	f.StringVar(&o.kind, "type", "classic", "type of the work queues (idle)")
	f.StringVar(&o.fault, "fault", "consumer", "consumer, node, alarm, frozen or halfopen (faults)")
	if len(args) == 0 {
		f.Usage()
		return errors.New("want storm, mixed, far, targets, idle or faults")
	}
	measure, ok := subcommands()[args[0]]
	if !ok {
		return fmt.Errorf("%q is unknown, want storm, mixed, far, targets, idle or faults", args[0])
	}
	if err := f.Parse(args[1:]); err != nil {
		return err
	}
	n, err := openNode(o)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.bound)
	defer cancel()
	sayf("RabbitMQ %s, load %s", n.version, machine.Load())
	err = measure(ctx, n, o)
	sayf("load %s", machine.Load())
	return err
}
