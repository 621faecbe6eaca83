package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// logf writes a line about the progress to stderr.
func logf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format(time.TimeOnly)+" "+format+"\n", args...)
}

// sayf prints a line of the result.
func sayf(format string, args ...any) {
	_, _ = fmt.Fprintf(os.Stdout, format+"\n", args...) // without stdout the results have no reader
}

// show prints the results as a table in Markdown.
func show(o options, results []*result) {
	sayf("seed %d, %d messages a mode%s", o.seed, o.n, map[bool]string{true: ", -short"}[o.short])
	sayf("")
	row("fault", "RabbitMQ", "times", "messages", "lost", "duplicates", "sent again", "longest stall", "stall of a mode", "order", "bound", "result")
	row(strings.Split(strings.Repeat("--- ", 12), " ")[:12]...)
	for _, r := range results {
		row(r.cells()...)
	}
}

func row(cells ...string) { sayf("| %s |", strings.Join(cells, " | ")) }

func rounded(d time.Duration) string { return d.Round(100 * time.Millisecond).String() }

func listFaults() error {
	row("fault", "times", "brokers", "modes", "bound")
	row("---", "---", "---", "---", "---")
	for _, f := range faults() {
		row(f.name, strconv.Itoa(f.times), f.where, strings.Join(f.modes, ", "), f.boundText())
	}
	return nil
}
