package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"time"
)

// beat is the interval at which a running column logs its progress.
const beat = 30 * time.Second

// follow reads the events of go test -json to their end, and logs the progress. Lines that are
// not events appear only in the raw output.
func (r *runner) follow(ctx context.Context, c *column, from io.Reader) {
	began := time.Now()
	tick := time.NewTicker(beat)
	defer tick.Stop()
	lines := readLines(ctx, from)
	for {
		select {
		case line, more := <-lines:
			if !more {
				return
			}
			var e event
			if json.Unmarshal(line, &e) != nil {
				continue
			}
			c.results.add(e)
			if e.endsPackage() {
				r.logf(c, "%-4s %s %.1fs", e.Action, short(e.Package), e.Elapsed)
			}
		case <-ctx.Done():
			return
		case <-tick.C:
			r.logf(c, "%d tests in %s", c.results.ended, time.Since(began).Round(time.Second))
		}
	}
}

// readLines returns a channel of the lines of from. It is closed at the end of from, or when ctx
// is done.
func readLines(ctx context.Context, from io.Reader) <-chan []byte {
	lines := make(chan []byte)
	go func() {
		defer close(lines)
		for in := bufio.NewReader(from); ; {
			line, err := in.ReadBytes('\n')
			select {
			case lines <- line:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return lines
}
