// Command chaos runs RabbitMQ nodes and Warren workers on this machine, breaks them, and
// counts the messages that were lost, duplicated or delayed. It prints one table: a row for
// each fault on each kind of broker, with the bound that must hold.
//
//	cd chaos && go run . -short
//	go run . -only node-kill -brokers 3.10x3,4.3x3 -modes retry,delayed -seed 7
//
// It starts its own nodes with scripts/rabbitmq, one kind of broker at a time, and removes
// them. All traffic stays on the loopback interface.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	n             int
	seed          uint64
	only, brokers string
	modes         string
	short, list   bool
	parallel      int
	keep          bool
	scripts       string
	bound         time.Duration
}

// names returns the names in a list with commas, or all if the list is empty.
func names(list string, all []string) []string {
	if list == "" {
		return all
	}
	return strings.Split(list, ",")
}

func main() {
	if setup := os.Getenv(workerSetup); setup != "" {
		if err := work(setup); err != nil {
			fmt.Fprintln(os.Stderr, "chaos: a worker:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	f, o := flag.NewFlagSet("chaos", flag.ContinueOnError), options{}
	f.IntVar(&o.n, "n", 20_000, "messages of each mode, for each fault")
	f.Uint64Var(&o.seed, "seed", uint64(time.Now().Unix()), "seed of the order of nodes, of delays and of pauses")
	f.StringVar(&o.only, "only", "", "comma-separated `faults`; empty means all")
	f.StringVar(&o.brokers, "brokers", "", "comma-separated kinds of `brokers`: "+strings.Join(brokerNames(), ", ")+"; empty means all")
	f.StringVar(&o.modes, "modes", "", "comma-separated `modes` of messages, for all faults: "+strings.Join(modeNames(), ", ")+"; empty means those of each fault")
	f.BoolVar(&o.short, "short", false, "2,000 messages, each fault once, and a sixth of its duration")
	f.IntVar(&o.parallel, "parallel", 1, "kinds of brokers that are tested at the same time")
	f.BoolVar(&o.keep, "keep", false, "keep the ledgers and logs of all rows, not only of those with a loss")
	f.BoolVar(&o.list, "list", false, "list the faults and their bounds")
	f.StringVar(&o.scripts, "scripts", "../scripts/rabbitmq", "the script that runs the nodes")
	f.DurationVar(&o.bound, "bound", 12*time.Hour, "end after this time")
	if err := f.Parse(args); err != nil {
		return err
	}
	if err := o.validate(); err != nil {
		return err
	}
	if o.list {
		return listFaults()
	}
	if o.short {
		o.n = min(o.n, 2000)
	}
	ctx, cancel := context.WithTimeout(ctx, o.bound)
	defer cancel()
	return runAll(ctx, o)
}

// validate reports names that do not exist.
func (o options) validate() error {
	check := func(flag, list string, known []string) error {
		for _, name := range names(list, nil) {
			if !contains(known, name) {
				return fmt.Errorf("-%s: %q is unknown, want some of %s", flag, name, strings.Join(known, ", "))
			}
		}
		return nil
	}
	if o.parallel < 1 {
		return fmt.Errorf("-parallel: got %d, want at least 1", o.parallel)
	}
	return errors.Join(check("only", o.only, faultNames()), check("brokers", o.brokers, brokerNames()), check("modes", o.modes, modeNames()))
}

// runAll runs each fault on each kind of broker. A row that failed is shown with its error,
// and the others go on.
func runAll(ctx context.Context, o options) error {
	results, failed := runBrokers(ctx, o, chosenBrokers(o))
	show(o, results)
	missed := 0
	for _, r := range results {
		if len(r.missed) > 0 {
			missed++
		}
	}
	if missed > 0 {
		failed = errors.Join(failed, fmt.Errorf("%d of %d rows missed their bound", missed, len(results)))
	}
	return failed
}
