package console

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/warren-mq/warren/deadletter"
	"github.com/warren-mq/warren/internal/bodies"
)

// Console serves the pages. Run must run beside it. Its methods are safe for concurrent use.
type Console struct {
	config  Config
	log     logger
	handler http.Handler

	viewed  atomic.Int64  // Unix time in ns of the last request
	waking  chan struct{} // holds one token
	link    atomic.Pointer[link]
	now     atomic.Pointer[snapshot]
	streams atomic.Int64 // open pages
	begun   atomic.Bool
	ctx     context.Context // ends with Run
	stop    context.CancelFunc
	history histories

	client  *deadletter.Client
	bodies  *bodies.Opener
	reads   reads
	jobs    jobs
	notices notices
	states  scheduleStates

	replicas replicasOf
}

// New returns a console that shows nothing until Run.
func New(cfg Config) (*Console, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	c := &Console{
		config: cfg, log: logger{cfg.Logger}, waking: make(chan struct{}, 1), client: deadletter.New(cfg.Broker),
		bodies: bodies.NewOpener(cfg.Keys),
	}
	c.ctx, c.stop = context.WithCancel(context.Background())
	c.now.Store(&snapshot{Fault: "The console is not connected yet."})
	c.handler = c.guard(c.routes())
	return c, nil
}

// ErrRunning is returned by Run if it was called before.
var ErrRunning = errors.New("console: Run was called before")

// Run connects to the broker while the pages are viewed, and runs replays and other long
// actions. It returns nil when ctx is done: actions are then cancelled, and streams of pages
// end. Run waits up to 5 s for the actions to end.
func (c *Console) Run(ctx context.Context) error {
	if !c.begun.CompareAndSwap(false, true) {
		return ErrRunning
	}
	defer c.awaitJobs()
	defer c.stop()
	defer context.AfterFunc(ctx, c.stop)()
	for c.awaitViewer(c.ctx) {
		c.follow(c.ctx)
	}
	return nil
}

// awaitJobs waits for cancelled actions, and logs those that have not ended in time.
func (c *Console) awaitJobs() {
	if busy := c.jobs.wait(); len(busy) > 0 {
		c.log.Warn("console: actions did not end in time after they were cancelled", "actions", busy)
	}
}

// ServeHTTP answers requests below Config.Path.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.handler.ServeHTTP(w, r) }

// wake makes Run connect.
func (c *Console) wake() {
	c.viewed.Store(time.Now().UnixNano())
	select {
	case c.waking <- struct{}{}:
	default:
	}
}

// awaitViewer blocks until a page is requested, and reports false once ctx is done.
func (c *Console) awaitViewer(ctx context.Context) bool {
	if c.isIdle() {
		select {
		case <-c.waking:
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}

// isIdle reports whether the last request was long ago.
func (c *Console) isIdle() bool {
	return c.config.Idle > 0 && time.Since(time.Unix(0, c.viewed.Load())) > c.config.Idle
}
