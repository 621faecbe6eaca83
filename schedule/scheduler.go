package schedule

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/amqp/leader"
	"github.com/warren-mq/warren/internal/pace"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
)

// Scheduler publishes the ticks of its entries, or stands by while another process of its
// group publishes them. Health and RunNow are safe for concurrent use.
type Scheduler struct {
	config    Config
	entries   []compiled
	invalid   error
	process   string // host, process id, and random characters, because in containers the process id is often 1
	connector *amqp.Connector
	meter     *meter
	now       func() time.Time // the wall clock
	started   atomic.Bool

	// Used by Run alone:
	known   token        // the last token that this process has stored
	refused []EntryState // ticks that the broker refused, for the next announcement

	mu    sync.Mutex
	role  string
	idle  error        // why the scheduler is idle
	shown []EntryState // the entries as they were stored last
	asked []asked      // calls of RunNow that wait for the term
	wake  func()       // ends the wait of the term; nil while this process does not lead
}

// New returns a scheduler. It connects when Run is called.
func New(cfg Config) *Scheduler {
	cfg = cfg.withDefaults()
	entries, err := cfg.compile()
	m, failed := newMeter(cfg)
	err = errors.Join(err, failed)
	host, _ := os.Hostname() // for people only: an empty one works too
	return &Scheduler{
		config: cfg, entries: entries, invalid: err, process: fmt.Sprintf("%s:%d:%s", host, os.Getpid(), rand.Text()[:6]),
		connector: amqp.NewConnector(amqp.Config(cfg.Broker), "schedule", nil), meter: m,
		now:  func() time.Time { return time.Now().Round(0) }, // without the monotonic clock, which is never set
		role: RoleIdle, idle: errors.New("not started yet"),
	}
}

// Topology returns everything that Run declares, for a plan or an export.
func (s *Scheduler) Topology() topology.Topology { return tokenOf(s.config.Name).Topology() }

// Run publishes ticks or stands by until ctx is done. Then it requeues the token for the
// next leader and returns nil. It returns an error if the configuration is wrong, if the
// broker cannot be reached at the start (see worker.Connections.Run), or if the group's
// queues exist with other arguments (*topology.ConflictError). It can be called once.
func (s *Scheduler) Run(ctx context.Context) error {
	switch {
	case s.invalid != nil:
		return s.invalid
	case s.started.Swap(true):
		return errors.New("schedule: Run was called twice, want one call for each Scheduler")
	}
	unobserve, err := s.meter.observe()
	if err != nil {
		return err
	}
	s.meter.begin(s.config.Entries)
	connection, disconnect := context.WithCancel(context.WithoutCancel(ctx))
	connected := make(chan error, 1)
	go func() { connected <- s.connector.Run(connection) }()
	err = s.compete(ctx)
	disconnect()
	if e := <-connected; ctx.Err() == nil { // otherwise e is about closing the connection, which is expected
		err = errors.Join(err, e)
	}
	s.become(RoleIdle, err)
	return errors.Join(err, unobserve())
}

// compete leads or stands by until ctx is done, over one session after another.
func (s *Scheduler) compete(ctx context.Context) error {
	for failures := 0; ctx.Err() == nil; {
		session, err := s.connector.Session(ctx)
		if err != nil {
			return nil //nolint:nilerr // the connector's Run returns it, or ctx is done
		}
		began := time.Now()
		err = s.attend(ctx, session)
		if _, conflict := errors.AsType[*topology.ConflictError](err); conflict {
			return err
		}
		if ctx.Err() == nil {
			s.become(RoleIdle, err)
		}
		if failures++; session.Err() != nil || time.Since(began) > stable {
			failures = 0
		}
		pace.Wait(ctx, attending(), failures)
	}
	return nil
}

// stable is how long an attempt must last to count as a success.
const stable = 10 * time.Second

// attending returns the pauses between attempts over one session; the connector waits by
// itself for a new one.
func attending() retry.Policy {
	return retry.Policy{InitialInterval: 50 * time.Millisecond, MaxInterval: 5 * time.Second}
}

// attend stands by and leads over one session, until the session ends or ctx is done.
func (s *Scheduler) attend(ctx context.Context, session *amqp.Session) (err error) {
	announcement, err := s.announcement()
	if err != nil {
		return err
	}
	joining, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	candidate, err := leader.Join(joining, session, tokenOf(s.config.Name), announcement)
	if err != nil {
		return err
	}
	s.refused = nil
	defer func() {
		if e := candidate.Close(); err == nil {
			err = e
		}
	}()
	s.become(RoleStandby, nil)
	messages, err := candidate.Win(ctx)
	if err != nil {
		return err
	}
	t := s.newTerm(candidate, messages)
	s.become(RoleLeader, nil)
	return t.run(ctx)
}

const joinTimeout = time.Minute

// become records the scheduler's role, and emits Changed if it is another.
func (s *Scheduler) become(role string, why error) {
	s.mu.Lock()
	same := s.role == role && (s.idle == nil) == (why == nil)
	s.role, s.idle = role, why
	s.mu.Unlock()
	if !same {
		s.emit(Changed{Role: role, Err: why})
	}
}
