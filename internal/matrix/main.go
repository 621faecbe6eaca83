// Command matrix runs the tests that need a broker on every supported broker, and prints one
// table. It fails if a test fails or is skipped without an entry in exceptions.txt.
//
//	go run ./internal/matrix -columns rabbitmq-4.3,devbroker-4.3 -packages ./worker -run Retry
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// options holds the options of the command line.
type options struct {
	columns  string
	packages string
	run      string
	race     bool
	stdin    string
	out      string
	parallel int
	limit    time.Duration
}

// flags registers the flags.
func (o *options) flags() {
	flag.StringVar(&o.columns, "columns", "rabbitmq,devbroker,pipe", "`list` of brokers, such as rabbitmq-4.3, or devbroker for all versions; pipe is devbroker in virtual time")
	flag.StringVar(&o.packages, "packages", "", "`list` of packages; if empty, all packages whose tests use internal/rabbit")
	flag.StringVar(&o.run, "run", "", "run only tests that match this `regexp`")
	flag.BoolVar(&o.race, "race", false, "enable the race detector")
	flag.StringVar(&o.stdin, "stdin", "", "read the go test -json output of this `column` from standard input instead of running it")
	flag.StringVar(&o.out, "out", "", "`folder` for the raw output; a temporary folder if empty")
	flag.IntVar(&o.parallel, "parallel", 2, "number of columns that run at the same time")
	flag.DurationVar(&o.limit, "limit", 15*time.Minute, "time limit of each column")
}

func main() {
	var o options
	o.flags()
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ok, err := matrix(ctx, o, os.Stdin, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// matrix runs the columns and reports whether the table is without faults.
func matrix(ctx context.Context, o options, in io.Reader, out io.Writer) (ok bool, err error) {
	columns, err := parseColumns(o.columns)
	if err != nil {
		return false, err
	}
	if o.stdin != "" && !slices.ContainsFunc(columns, func(c *column) bool { return c.name() == o.stdin }) {
		return false, fmt.Errorf("matrix: unknown column %q for standard input", o.stdin)
	}
	listed, err := parseExceptions(exceptionsFile)
	if err != nil {
		return false, err
	}
	packages := strings.Split(o.packages, ",")
	if o.packages == "" {
		if packages, err = brokerPackages(ctx); err != nil {
			return false, err
		}
	}
	if o.out, err = folder(o.out); err != nil {
		return false, fmt.Errorf("matrix: folder for the raw output: %w", err)
	}
	runAll(ctx, newRunner(o, packages, in, out), columns, max(o.parallel, 1))
	t := table{columns: columns, listed: listed, whole: o.run == ""}
	text, ok := t.text()
	_, err = fmt.Fprintf(out, "\nThe raw output is in %s.\n\n%s", o.out, text)
	return ok, err
}

// folder creates the folder, or a temporary folder if name is empty.
func folder(name string) (string, error) {
	if name == "" {
		return os.MkdirTemp("", "warren-matrix-")
	}
	return name, os.MkdirAll(name, 0o750)
}

func runAll(ctx context.Context, r *runner, columns []*column, parallel int) {
	var running sync.WaitGroup
	slots := make(chan struct{}, parallel)
	for _, c := range columns {
		slots <- struct{}{}
		running.Go(func() {
			r.column(ctx, c)
			<-slots
		})
	}
	running.Wait()
}
