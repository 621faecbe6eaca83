package fleet

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/pace"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/retry"
)

// Source is a part of a process that announces its state and executes commands: a worker.
// Its methods are called by several goroutines.
type Source interface {
	// Describe adds the state to an announcement.
	Describe(a *Announcement)
	// Execute executes a command. It returns false if the command does not concern the source.
	Execute(ctx context.Context, c Command, a *Answer) (concerned bool, err error)
}

// Options configure a Member.
type Options struct {
	Users     []string // who may control the process; empty means its own user
	Version   string   // of the program; empty means the version of its main module
	Log       *slog.Logger
	Level     *slog.LevelVar    // changed by LogLevel; nil means that it cannot be changed
	Drain     func()            // executes Drain; nil means that the sources do
	Schedules func() *Schedules // may be nil
	Interval  time.Duration     // zero means Interval

	RunSchedule func(ctx context.Context, entry string) (messageID string, err error) // may be nil
}

// Member announces a process and executes the commands that it receives. All sources of the
// process share it. Its methods are safe for concurrent use.
type Member struct {
	connector *amqp.Connector
	process   Process
	changed   chan struct{} // holds one token

	mu      sync.Mutex
	sources []Source
	options Options
	end     context.CancelFunc
	ended   chan struct{}
	refused refusals
}

// NewMember returns a member that announces over the connector's session.
func NewMember(c *amqp.Connector) *Member {
	p := Process{ID: rand.Text(), PID: os.Getpid(), Started: time.Now().UTC(), Warren: record.Version()}
	p.Host, _ = os.Hostname() // without a name, the process id still identifies it
	if info, ok := debug.ReadBuildInfo(); ok {
		p.Program, p.Version = info.Path, info.Main.Version
	}
	return &Member{connector: c, process: p, changed: make(chan struct{}, 1)}
}

// leaveTimeout is how long leave waits for the goodbye.
const leaveTimeout = 500 * time.Millisecond

// Join adds a source. The first one begins the announcements, and the options are its own.
// The last one that leaves ends them.
func (m *Member) Join(o Options, s Source) (leave func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sources = append(m.sources, s)
	if len(m.sources) == 1 {
		m.begin(o)
	}
	m.Changed()
	return func() { m.leave(s) }
}

// begin starts to announce. The caller holds m.mu.
func (m *Member) begin(o Options) {
	if o.Interval == 0 {
		o.Interval = Interval
	}
	m.options = o
	ctx, end := context.WithCancel(context.Background())
	ended := make(chan struct{})
	m.end, m.ended = end, ended
	go func() {
		defer close(ended)
		m.run(ctx, o)
	}()
}

func (m *Member) leave(s Source) {
	m.mu.Lock()
	m.sources = slices.DeleteFunc(slices.Clone(m.sources), func(other Source) bool { return other == s })
	last, end, ended := len(m.sources) == 0, m.end, m.ended
	m.mu.Unlock()
	if !last {
		m.Changed()
		return
	}
	end()
	select {
	case <-ended:
	case <-time.After(leaveTimeout): // the connection is slow; its end ends the goroutine
	}
}

// Changed makes the process announce its state soon.
func (m *Member) Changed() {
	select {
	case m.changed <- struct{}{}:
	default:
	}
}

// lasting is how long a channel must last for the next one to be opened without a pause. The
// broker closes the channel at the first announcement if the user may not write to Exchange.
const lasting = 10 * time.Second

// run announces over one channel after the other until ctx is done.
func (m *Member) run(ctx context.Context, o Options) {
	pauses := retry.Policy{InitialInterval: time.Second, MaxInterval: time.Minute}
	last := ""
	for failures := 1; ctx.Err() == nil; failures++ {
		s, err := m.connector.Session(ctx)
		if err != nil {
			if !pace.Wait(ctx, pauses, failures) {
				return
			}
			continue
		}
		c, err := openAnnouncing(ctx, s)
		if err == nil {
			began := time.Now()
			if m.announceOver(ctx, o, c); ctx.Err() != nil {
				return
			}
			if err = c.reason(); time.Since(began) > lasting {
				failures, last = 0, ""
			}
			if err == nil {
				continue
			}
		}
		if text := err.Error(); text != last && s.Err() == nil && ctx.Err() == nil {
			last = text
			o.Log.Warn("fleet: the process cannot announce itself, trying again", "error", err)
		}
		pace.Wait(ctx, pauses, failures)
	}
}

// openAnnouncing opens a channel for announcements. It declares Exchange, unless another program
// declares the topology.
func openAnnouncing(ctx context.Context, s *amqp.Session) (*channel, error) {
	bounded, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if err := s.Ensure(bounded, Topology()); err != nil {
		return nil, err
	}
	return open(ctx, s)
}

// soon is the shortest time between two announcements.
const soon = 200 * time.Millisecond

// announceOver announces over c until it is closed or ctx is done.
func (m *Member) announceOver(ctx context.Context, o Options, c *channel) {
	var executing sync.WaitGroup
	over := make(chan struct{})
	executing.Go(func() { m.receive(c, o, over) })
	tick := time.NewTicker(o.Interval)
	defer executing.Wait()
	defer tick.Stop()
	for {
		m.publish(c, m.describe(o, KindState))
		select {
		case <-tick.C:
		case <-m.changed:
			pause(ctx, soon)
			tick.Reset(o.Interval)
		case <-over:
			return
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			m.publish(c, m.describe(o, KindGoodbye))
			_ = c.close() // an error means that the channel is closed
			return
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// describe returns the state of the process.
func (m *Member) describe(o Options, kind string) *Announcement {
	a := &Announcement{Format: Format, Kind: kind, Process: m.process, IntervalMS: o.Interval.Milliseconds()}
	a.Process.Version = cmp.Or(o.Version, a.Process.Version)
	if kind != KindState {
		return a
	}
	a.Ready = true
	for _, s := range m.joined() {
		s.Describe(a)
	}
	if o.Schedules != nil {
		a.Schedules = o.Schedules()
	}
	slices.SortStableFunc(a.InHand, func(x, y InHand) int { return cmp.Compare(y.AgeMS, x.AgeMS) })
	slices.Sort(a.Reasons)
	a.Reasons = slices.Compact(a.Reasons) // workers report the faults of the connections that they share
	return a
}

func (m *Member) joined() []Source {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.sources)
}

// publish publishes an announcement, unless the broker blocks the connection. It is not
// confirmed: the next one follows soon.
func (m *Member) publish(c *channel, a *Announcement) {
	if body := a.pack(); body != nil {
		_ = c.announce(a.Kind, body)
	}
}

// pack encodes a. It leaves out what does not fit.
func (a *Announcement) pack() []byte {
	a.bound()
	for range 16 {
		body, err := encode(a, MaxAnnouncement)
		if err == nil {
			return body
		}
		a.Omitted += len(a.Queues) + len(a.InHand) + len(a.Parking)
		a.Queues, a.InHand, a.Parking = half(a.Queues), half(a.InHand), half(a.Parking)
		a.Omitted -= len(a.Queues) + len(a.InHand) + len(a.Parking)
	}
	return nil
}

func half[T any](all []T) []T { return all[:len(all)/2] }
