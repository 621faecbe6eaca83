package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// lateness collects how late messages came.
type lateness struct {
	mu  sync.Mutex
	all []time.Duration
}

func (l *lateness) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, d)
}

// at returns a percentile.
func (l *lateness) at(percent int) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.all) == 0 {
		return 0
	}
	slices.Sort(l.all)
	return l.all[(len(l.all)-1)*percent/100]
}

func (l *lateness) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.all)
}

// early returns how many messages came before they were due.
func (l *lateness) early() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range l.all {
		if d < 0 {
			n++
		}
	}
	return n
}

// String returns p50/p99 in milliseconds.
func (l *lateness) String() string {
	return fmt.Sprintf("%d/%d", l.at(50).Milliseconds(), l.at(99).Milliseconds())
}

// sayf prints a line.
func sayf(format string, args ...any) {
	_, _ = fmt.Fprintf(os.Stdout, format+"\n", args...) // without stdout the results have no reader
}

// show prints a table in Markdown.
func show(header string, rows ...[]any) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', tabwriter.Debug)
	titles := strings.Split(header, "|")
	lines := [][]any{make([]any, len(titles)), make([]any, len(titles))}
	for i, title := range titles {
		lines[0][i], lines[1][i] = strings.TrimSpace(title), "---"
	}
	for _, line := range append(lines, rows...) {
		_, _ = fmt.Fprint(w, "| ") // a table in memory
		for i, cell := range line {
			if i > 0 {
				_, _ = fmt.Fprint(w, "\t ")
			}
			_, _ = fmt.Fprint(w, text(cell))
		}
		_, _ = fmt.Fprint(w, "\t\n")
	}
	return w.Flush()
}

func text(cell any) string {
	switch v := cell.(type) {
	case float64:
		return fmt.Sprintf("%.2f", v)
	case time.Duration:
		return v.Round(time.Millisecond).String()
	}
	return fmt.Sprint(cell)
}
