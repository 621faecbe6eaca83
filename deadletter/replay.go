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

// Replay selects the dead letters to replay and configures the replay. The zero value
// replays all.
type Replay struct {
	Filter Filter
	// Rate is the number of messages a second. Zero means no limit.
	Rate float64
	// DryRun counts the dead letters that would be replayed, and replays none. As with Read, it
	// should end within the broker's consumer timeout (30 minutes by default).
	DryRun bool
	// Canary is the number of dead letters to replay first, as canaries. Workers report
	// the first attempt of each. The other dead letters follow as soon as all canaries
	// have succeeded. If a canary fails, the replay stops. Zero means no canaries.
	Canary int
	// CanaryWait is how long the replay waits for its canaries. If the time is over and a
	// canary is still being handled or in its work queue, the replay stops. Consumers of
	// other programs, and workers older than this feature, send no reports. Their canaries
	// pass if they have left the work queue by then and none was dead-lettered again. So
	// CanaryWait should be longer than a message takes to be dead-lettered, including its
	// retries. Zero means 30 s.
	CanaryWait time.Duration
	// OnCanary is called when the state of the canaries has changed, by one goroutine at
	// a time. It may be nil.
	OnCanary func(CanaryState)
	// By is written to a header of each message. Empty means "user@host", from the
	// environment.
	By string
	// Progress is called after each message, by one goroutine at a time. It may be nil.
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

// Replay publishes dead letters to their own work queues, in the order of their failures.
// It addresses each work queue by its name, so other queues do not receive the messages.
// Dead letters that arrive after the call, and messages that fail again, are not
// replayed. A dead letter is removed once the broker has confirmed its message.
//
// The result is valid even if Replay returns an error. Replay stops early if ctx is done,
// the connection is lost, the work queue is full (broker.ErrNacked) or a canary fails
// (ErrCanary). An error that concerns one message alone, such as a missing work queue
// (broker.ErrUnroutable), is counted in Failed; the replay continues, and returns these
// errors at the end. It stops early if each dead letter that it tried within 10 minutes
// has failed.
func (c *Client) Replay(ctx context.Context, queue string, r Replay) (result Result, err error) {
	if err := r.validate(); err != nil {
		return Result{}, err
	}
	err = c.inspect(ctx, queue, func(i *inspect.Inspection) error {
		return c.send(ctx, func(out *amqp.Sender) error {
			s := &sweep{
				inspection: i, queue: queue, filter: r.Filter, pace: r.pace(), progress: r.Progress,
				dry: r.DryRun, slow: r.Rate > 0 && !r.DryRun,
			}
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

func (r *replayer) act(ctx context.Context, l *DeadLetter) (func(context.Context) error, error) {
	switch {
	case l.WorkQueue == "":
		return nil, errNoWorkQueue
	case r.DryRun:
		return nil, nil //nolint:nilnil // a dry run counts the dead letter and publishes no message
	case r.canaries.flying:
		return r.out.Start(ctx, "", l.WorkQueue, r.canary(l))
	}
	return r.out.Start(ctx, "", l.WorkQueue, revived(l, r.By))
}

// revived returns the dead letter's message without its failure record.
func revived(l *DeadLetter, by string) *message.Message {
	m := record.Copy(&l.Message, message.Headers{
		record.HeaderExchange:   l.Message.Exchange,
		record.HeaderRoutingKey: l.Message.RoutingKey,
		record.HeaderReplayedAt: time.Now().UTC().Format(time.RFC3339Nano),
		record.HeaderReplayedBy: cmp.Or(by, processName()),
	})
	if saved := l.Message.Headers[record.HeaderCheckpoint]; saved != nil {
		m.Headers[record.HeaderCheckpoint] = saved // the handler continues where it failed
	}
	record.SetPublished(m)
	return m
}

// processName returns "user@host" for this process.
func processName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return cmp.Or(os.Getenv("USER"), os.Getenv("USERNAME"), "someone") + "@" + host
}
