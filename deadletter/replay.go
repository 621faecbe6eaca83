package deadletter

import (
	"cmp"
	"context"
	"errors"
	"math"
	"os"
	"time"

	"golang.org/x/time/rate"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/amqp/inspect"
	"github.com/warren-mq/warren/internal/check"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

// Replay says which letters are replayed, and how. The zero value replays all.
type Replay struct {
	Filter Filter
	// Rate is the number of letters a second; without a limit if zero.
	Rate float64
	// DryRun counts what would be replayed, and replays nothing.
	DryRun bool
	// Canary is how many letters go first. Workers report on the first attempt of each:
	// the others follow as soon as all have succeeded, and never once one has failed.
	// None if zero.
	Canary int
	// CanaryWait bounds the wait for the canaries. If it is over, a replay stops that has
	// a canary in hand or in its work queue. Workers older than this feature, and other
	// programs' consumers, send no reports: their canaries pass if they have left the
	// work queue and none is a dead letter again by then. So CanaryWait should be longer
	// than a message takes to fail for good, its retries included. Zero means 30 s.
	CanaryWait time.Duration
	// OnCanary is called when the state of the canaries has changed, by one goroutine at
	// a time; nil for none.
	OnCanary func(CanaryState)
	// By is noted on each message; "user@host" by the environment if empty.
	By string
	// Progress is called after each letter, by one goroutine at a time; nil for none.
	Progress func(Result)
}

func (r Replay) validate() error {
	f := check.Of("deadletter")
	f.Addf(!(r.Rate >= 0) || math.IsInf(r.Rate, 0), "Rate is %v, want 0 or more", r.Rate)
	f.Addf(r.Canary < 0, "Canary is %d, want 0 or more", r.Canary)
	f.Addf(r.CanaryWait < 0, "CanaryWait is %v, want 0 or more", r.CanaryWait)
	f.Addf(r.Filter.Limit < 0, "Filter.Limit is %d, want 0 or more", r.Filter.Limit)
	return f.Err()
}

// Replay sends letters of the queue back to their own work queues, each by its name
// and so to no other queue, in the order of their failures. Only what is in the queue
// at the moment of the call is replayed: neither what arrives later, nor what fails
// again. A letter is removed once the broker has confirmed its message.
//
// The result says what was done, also beside an error. It ends early when ctx is
// done, when the connection is lost, or when the work queue is full (broker.ErrNacked);
// ErrCanary is for canaries. What concerns one letter alone, such as a work queue that
// is not there (broker.ErrUnroutable), counts as failed, goes on, and is told in the end.
func (c *Client) Replay(ctx context.Context, queue string, r Replay) (result Result, err error) {
	if err := r.validate(); err != nil {
		return Result{}, err
	}
	err = c.inspect(ctx, queue, func(i *inspect.Inspection) error {
		return c.send(ctx, func(out *amqp.Sender) error {
			s := &sweep{inspection: i, queue: queue, filter: r.Filter, pace: r.pace(), progress: r.Progress, slow: r.Rate > 0 && !r.DryRun}
			replay := replayer{Replay: r, sweep: s, out: out}
			s.act = replay.act
			err := errors.Join(s.begin(ctx), replay.run(ctx))
			result = s.result
			return err
		})
	})
	return result, err
}

func (r Replay) pace() *rate.Limiter {
	if r.Rate == 0 || r.DryRun {
		return rate.NewLimiter(rate.Inf, 1)
	}
	return rate.NewLimiter(rate.Limit(r.Rate), 1)
}

// replayer is one call of Replay.
type replayer struct {
	Replay
	*sweep
	out      *amqp.Sender
	canaries canaries
}

func (r *replayer) run(ctx context.Context) error {
	want := cmp.Or(r.Filter.Limit, math.MaxInt)
	if r.Canary > 0 && r.Canary < want && !r.DryRun {
		if err := r.runCanary(ctx); err != nil {
			return err
		}
	}
	return r.sweep.run(ctx, want)
}

func (r *replayer) act(ctx context.Context, l *Letter) (func(context.Context) error, error) {
	switch {
	case l.WorkQueue == "":
		return nil, errNoWorkQueue
	case r.DryRun:
		return nil, nil //nolint:nilnil // nothing is to be done
	case r.canaries.flying:
		return r.out.Start(ctx, "", l.WorkQueue, r.launch(l))
	}
	return r.out.Start(ctx, "", l.WorkQueue, revived(l, r.By))
}

// revived is the letter's message, as if it had never failed.
func revived(l *Letter, by string) *message.Message {
	return record.Copy(&l.Message, message.Headers{
		record.HeaderExchange:   l.Message.Exchange,
		record.HeaderRoutingKey: l.Message.RoutingKey,
		record.HeaderReplayedAt: time.Now().UTC().Format(time.RFC3339Nano),
		record.HeaderReplayedBy: cmp.Or(by, self()),
	})
}

// self names who runs this process.
func self() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return cmp.Or(os.Getenv("USER"), os.Getenv("USERNAME"), "someone") + "@" + host
}
