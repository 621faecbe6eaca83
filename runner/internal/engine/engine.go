package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/job"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/wiring"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// Options configure an Engine.
type Options struct {
	Config *config.Config
	Go     wiring.Go // the handlers in Go
	Logger *slog.Logger
	Level  *slog.LevelVar // of Logger; a new configuration may change it
	// Dial opens the connections to the broker. Nil means TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Meter measures. Nil means OpenTelemetry's global provider.
	Meter metric.MeterProvider
	// sender returns the sender of another broker.
	sender func(broker string) job.Sender
	// linger is called when the queues have ended, before the connections are closed.
	linger func()
}

// Engine runs a configuration. Its methods are safe for concurrent use.
type Engine struct {
	options     Options
	broker      broker.Config
	embedded    *devbroker.Broker // nil unless broker.url is embedded:
	connections *worker.Connections
	failed      chan error    // receives the error of a queue or scheduler that has ended by itself
	working     chan struct{} // closed when everything has been started

	reloading chan struct{} // holds a token during a reload
	stopping  chan struct{} // closed when stopped is set
	drain     chan struct{} // receives the command drain

	mu        sync.Mutex // guards what follows
	config    *config.Config
	queues    []*queue // in the order of the configuration
	scheduler *scheduler
	stopped   bool
}

// New returns an engine, and starts the embedded broker if broker.url is embedded:. It does
// not connect. Call Close at the end.
func New(o Options) (*Engine, error) {
	b, err := wiring.Broker(o.Config.Broker)
	if err != nil {
		return nil, err
	}
	if o.Dial != nil {
		b.Dial = o.Dial
	}
	b.MeterProvider = o.Meter
	e := &Engine{
		options: o, broker: b, config: o.Config, failed: make(chan error, 1), working: make(chan struct{}),
		reloading: make(chan struct{}, 1), stopping: make(chan struct{}), drain: make(chan struct{}, 1),
	}
	if wiring.IsEmbedded(b) {
		if e.embedded, err = devbroker.Start(devbroker.Config{}); err != nil {
			return nil, err
		}
		e.broker.URL = e.embedded.URL()
		o.Logger.Warn("runner: using a broker in memory, for development; its messages are lost when the runner ends",
			"url", e.broker.URL)
	}
	e.connections = worker.NewConnections(e.broker, e.connectionChanged)
	return e, nil
}

// Close stops the embedded broker, if there is one. Run must have returned.
func (e *Engine) Close() error {
	if e.embedded == nil {
		return nil
	}
	return e.embedded.Close()
}

// EmbeddedURL returns the URL of the embedded broker, or "" if there is none.
func (e *Engine) EmbeddedURL() string {
	if e.embedded == nil {
		return ""
	}
	return e.embedded.URL()
}

// Broker returns the configuration of the engine's broker.
func (e *Engine) Broker() broker.Config { return e.broker }

// Working returns a channel that is closed once each queue is consumed or paused.
func (e *Engine) Working() <-chan struct{} { return e.working }

// Run runs the queues and schedules until ctx is done, and then drains. It returns the
// errors of worker.Run and schedule.Run. If the topology conflicts, it declares nothing.
func (e *Engine) Run(ctx context.Context) error {
	life, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	connected := make(chan error, 1)
	go func() { connected <- e.connections.Run(life) }()
	ended := make(chan struct{})
	go e.hangUpLate(ctx, ended, hangUp)
	err := e.work(ctx, connected)
	if e.options.linger != nil {
		e.options.linger()
	}
	close(ended)
	hangUp()
	err = errors.Join(err, <-connected)
	e.reloading <- struct{}{} // wait for a reload, which ends without connections at the latest
	return err
}

// abandonTimeout is how long package worker waits for cancelled handlers.
const abandonTimeout = 5 * time.Second

// hangUpLate closes the connections when the queues have had their time to drain, unless
// they have ended before. Otherwise a queue that waits for an unresponsive broker would
// delay the closing of the connections.
func (e *Engine) hangUpLate(ctx context.Context, ended <-chan struct{}, hangUp func()) {
	select {
	case <-ctx.Done():
	case <-ended:
		return
	}
	timer := time.NewTimer(max(time.Duration(e.Config().Grace), 0) + abandonTimeout)
	defer timer.Stop()
	select {
	case <-timer.C:
		hangUp()
	case <-ended:
	}
}

func (e *Engine) work(ctx context.Context, connected chan error) error {
	starting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case err := <-connected:
			connected <- nil // the error is returned here
			cancel(err)
		case <-starting.Done():
		}
	}()
	err := e.start(starting)
	if errors.Is(err, broker.ErrClosed) {
		<-starting.Done() // the connections have ended, and their error is returned
	}
	if err == nil {
		close(e.working)
		err = e.wait(ctx)
	} else if cause := context.Cause(starting); ctx.Err() == nil && cause != nil {
		err = cause
	} else if ctx.Err() != nil {
		err = nil // stopped before the start
	}
	return errors.Join(err, e.stop(context.Cause(ctx)))
}

// start declares the exchanges and starts everything, unless the topology conflicts.
func (e *Engine) start(ctx context.Context) error {
	if err := e.plan(ctx, wiring.Topology(e.config)); err != nil {
		return err
	}
	if err := e.ensure(ctx, e.config); err != nil {
		return err
	}
	queues, err := e.startAll()
	if err != nil {
		return err
	}
	awaitReady(ctx, queues)
	return nil
}

func (e *Engine) startAll() ([]*queue, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.config.Queues {
		q, err := e.newQueue(c, e.config)
		if err != nil {
			return nil, err
		}
		e.queues = append(e.queues, q)
	}
	for _, q := range e.queues {
		e.startQueue(q)
	}
	e.startScheduler(e.config)
	return e.queues, nil
}

// awaitReady blocks until each queue is consumed or has failed, or ctx is done.
func awaitReady(ctx context.Context, queues []*queue) {
	for _, q := range queues {
		select {
		case <-q.worker.Ready():
		case <-q.ended:
		case <-ctx.Done():
		}
	}
}

// plan returns an error if the topology conflicts with the broker's.
func (e *Engine) plan(ctx context.Context, t topology.Topology) error {
	if !topology.Mode(e.config.Broker.Topology).Manages() {
		return nil // each part verifies what it needs
	}
	session, err := e.connections.Sender().Connector().Session(ctx)
	if err != nil {
		return err
	}
	changes, err := session.Plan(ctx, t)
	if err != nil {
		return err
	}
	return topology.Conflicts(changes)
}

// ensure declares the exchanges of c, or verifies or trusts that they exist.
func (e *Engine) ensure(ctx context.Context, c *config.Config) error {
	refused, err := e.connections.Sender().Ensure(ctx, wiring.Exchanges(c))
	for _, r := range refused {
		e.options.Logger.Warn("runner: exchange not verified, trusting that it exists", "exchange", r.Name, "error", r.Err)
	}
	return err
}

// wait returns when the engine is to stop, or a part of it has failed.
func (e *Engine) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-e.drain:
		return nil
	case err := <-e.failed:
		return err
	}
}

// fail stops the engine. The first failure is returned by Run.
func (e *Engine) fail(what string, err error) {
	select {
	case e.failed <- fmt.Errorf("runner: %s: %w", what, err):
	default:
	}
}

func (e *Engine) connectionChanged(event worker.Event) {
	switch event := event.(type) {
	case worker.SessionUp:
		e.options.Logger.Info("runner: connected", "role", event.Role, "address", event.Address, "broker_version", event.Version)
	case worker.ConnectFailed:
		e.options.Logger.Warn("runner: connect failed, trying again", "role", event.Role, "error", event.Err)
	case worker.SessionDown:
		e.options.Logger.Warn("runner: connection lost, reconnecting", "role", event.Role, "error", event.Err)
	case worker.LimitFailed:
		e.options.Logger.Error("runner: limit not available, trying again", "limit", event.Limit, "error", event.Err)
	}
}

// stop stops the schedules and drains all queues at the same time. A running reload starts
// no more queues; stop also waits for the queues that the reload drains.
func (e *Engine) stop(cause error) error {
	e.mu.Lock()
	e.stopped = true
	close(e.stopping)
	queues, s := slices.Clone(e.queues), e.scheduler
	e.mu.Unlock()
	var schedules error
	var both sync.WaitGroup
	both.Go(func() { schedules = s.stop() })
	err := stopAll(queues, cause)
	both.Wait()
	return errors.Join(schedules, err)
}

func stopAll(queues []*queue, cause error) error {
	errs := make([]error, len(queues))
	var all sync.WaitGroup
	for i, q := range queues {
		all.Go(func() { errs[i] = q.stop(cause) })
	}
	all.Wait()
	return errors.Join(errs...)
}
