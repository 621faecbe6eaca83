package deadletter

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

// Import describes where the dead letters of a file are published. The zero value
// publishes each to the dead-letter queue that it was exported from.
type Import struct {
	// Queue is the dead-letter queue for all dead letters. Empty means the queue that each
	// was exported from. In the dead-letter queue of another work queue, the failure record
	// is ignored.
	Queue string
	// Replay publishes each message to its work queue, as Client.Replay does, instead of
	// the dead-letter queue.
	Replay bool
	// DryRun checks every line and imports none.
	DryRun bool
	// MaxLineBytes is the largest length of a line, in bytes. Zero means 64 MiB.
	MaxLineBytes int
	// By is written to a header of replayed messages, as in Replay.
	By string
	// Progress is called after each message, by one goroutine at a time. It may be nil.
	Progress func(Result)
}

const maxLineBytes = 64 << 20

// LineError reports the fault of one line of a file.
type LineError struct {
	Line int // counted from 1
	Err  error
}

// Error returns the line's number and the cause.
func (e *LineError) Error() string { return fmt.Sprintf("deadletter: line %d: %v", e.Line, e.Err) }

// Unwrap returns the cause.
func (e *LineError) Unwrap() error { return e.Err }

// Import publishes dead letters that Export has written, and returns once the broker has
// confirmed them all. It checks each line before publishing it. The first faulty line
// ends the import with a *LineError; the lines before it have then been imported. To
// check a file first, use DryRun, which reports up to ten faulty lines.
//
// Messages are restored unchanged, with two exceptions that keep them in the right queue:
// CC and BCC headers are removed, and the expiration and the user id move to headers, as
// in a replay.
func (c *Client) Import(ctx context.Context, r io.Reader, to Import) (Result, error) {
	if to.MaxLineBytes < 0 {
		return Result{}, fmt.Errorf("deadletter: MaxLineBytes is %d, want 0 or more", to.MaxLineBytes)
	}
	im := &importer{Import: to}
	if to.DryRun {
		err := im.read(ctx, r)
		return im.result, errors.Join(append(im.faults, err)...)
	}
	err := c.send(ctx, func(out *amqp.Sender) error {
		ctx, stop := context.WithCancelCause(ctx)
		defer stop(nil)
		im.out, im.stop, im.flight = out, stop, newFlight(ctx)
		err := im.read(ctx, r)
		im.flight.wait()
		return cmp.Or(context.Cause(ctx), err)
	})
	return im.result, err
}

// importer is one call of Import.
type importer struct {
	Import
	out    *amqp.Sender
	flight *flight
	stop   context.CancelCauseFunc
	faults []error

	mu     sync.Mutex
	result Result
}

func (im *importer) read(ctx context.Context, r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, cmp.Or(im.MaxLineBytes, maxLineBytes))
	number := 0
	for ctx.Err() == nil && lines.Scan() {
		number++
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		im.count(func(r *Result) { r.Total++ })
		if err := im.line(ctx, number, lines.Bytes()); err != nil {
			im.count(func(r *Result) { r.Failed++ })
			im.faults = append(im.faults, &LineError{Line: number, Err: err})
			if !im.DryRun || len(im.faults) == maxFailures {
				break
			}
		}
	}
	switch err := lines.Err(); {
	case err != nil:
		return &LineError{Line: number + 1, Err: err}
	case len(im.faults) > 0 && !im.DryRun:
		return im.faults[0]
	}
	return context.Cause(ctx)
}

// line checks one line and begins to publish it.
func (im *importer) line(ctx context.Context, number int, data []byte) error {
	key, m, err := im.address(data)
	if err == nil {
		err = amqp.Check("", key, m)
	}
	if err != nil {
		return err
	}
	if im.DryRun {
		im.count(func(r *Result) { r.Done++ })
		return nil
	}
	wait, err := im.out.Start(ctx, "", key, m)
	if err != nil {
		return err
	}
	im.flight.add(sent{wait: wait, settle: func(err error) { im.settle(number, err) }})
	return nil
}

func (im *importer) settle(number int, err error) {
	if err != nil {
		im.count(func(r *Result) { r.Failed++ })
		im.stop(&LineError{Line: number, Err: err})
		return
	}
	im.count(func(r *Result) { r.Done++ })
}

func (im *importer) count(change func(*Result)) {
	im.mu.Lock()
	defer im.mu.Unlock()
	change(&im.result)
	if im.Progress != nil {
		im.Progress(im.result)
	}
}

// address returns the message of a line as it is published, and the queue it goes to.
func (im *importer) address(data []byte) (queue string, m *message.Message, err error) {
	dlq, m, err := unmarshal(data)
	if err != nil {
		return "", nil, err
	}
	dlq = cmp.Or(im.Queue, dlq)
	deadLetter := decode(dlq, *m)
	deadLetter.Message.Exchange, deadLetter.Message.RoutingKey = m.Exchange, m.RoutingKey
	switch {
	case !im.Replay:
		return dlq, restored(dlq, m), nil
	case deadLetter.WorkQueue == "":
		return "", nil, errNoWorkQueue
	}
	return deadLetter.WorkQueue, revived(&deadLetter, im.By), nil
}

// restored returns m as it is published to the dead-letter queue. If m's headers do not
// contain the exchange and routing key of its first publish, restored adds them.
func restored(dlq string, m *message.Message) *message.Message {
	c := *m
	c.Headers = maps.Clone(m.Headers)
	if c.Headers == nil {
		c.Headers = make(message.Headers)
	}
	for _, name := range []string{"CC", "BCC"} {
		delete(c.Headers, name)
	}
	for name, value := range map[string]string{record.HeaderExpiration: m.Expiration, record.HeaderUserID: m.UserID} {
		if value != "" {
			c.Headers[name] = value
		}
	}
	c.Expiration, c.UserID = "", ""
	arrived := c
	arrived.Exchange, arrived.RoutingKey = "", dlq
	l := decode(dlq, arrived).Message
	if known := l.Exchange == m.Exchange && l.RoutingKey == m.RoutingKey; !known && c.Headers[record.HeaderQueue] == nil {
		c.Headers[record.HeaderExchange], c.Headers[record.HeaderRoutingKey] = m.Exchange, m.RoutingKey
	}
	return &c
}

// Export writes the dead letters that match the filter to w as JSON Lines, and returns
// their number. It removes none of them. A body that is JSON in one line is written
// unchanged; every other body is written in base64. Import restores the dead letters.
func (c *Client) Export(ctx context.Context, queue string, filter Filter, w io.Writer) (n int, err error) {
	out := bufio.NewWriter(w)
	err = c.Read(ctx, queue, filter, func(l DeadLetter) error {
		data, err := marshal(&l)
		if err != nil {
			return fmt.Errorf("deadletter: export message %s: %w", l.ID, err)
		}
		n++
		_, err = out.Write(append(data, '\n'))
		return err
	})
	return n, errors.Join(err, out.Flush())
}
