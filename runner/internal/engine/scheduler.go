package engine

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/wiring"
	"github.com/warren-mq/warren/schedule"
)

// scheduler publishes the schedules of a configuration.
type scheduler struct {
	*schedule.Scheduler
	cancel context.CancelFunc
	ended  chan struct{}
	last   atomic.Pointer[time.Time] // the last tick published
	err    error                     // of Run, once ended is closed
	leave  func()                    // ends its announcement
}

// startScheduler runs the schedules of c, if there are any, until stop. If the scheduler
// ends before, the engine stops.
func (e *Engine) startScheduler(c *config.Config) {
	if len(c.Schedules) == 0 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &scheduler{cancel: cancel, ended: make(chan struct{}), leave: func() {}}
	codecs := wiring.NewCodecs(c, e.options.Logger)
	s.Scheduler = wiring.Scheduler(c, e.broker, codecs, e.options.Logger, s.note)
	e.scheduler = s
	if f := e.fleet(c.Fleet); f != nil { // there may be no queue that announces the process
		s.leave = e.connections.Announce(*f, e.options.Logger)
	}
	go func() {
		if s.err = s.Run(ctx); s.err != nil && ctx.Err() == nil {
			e.fail("schedules", s.err)
			s.err = nil // fail has recorded the error
		}
		s.err = errors.Join(s.err, codecs.Close())
		close(s.ended)
	}()
}

func (s *scheduler) note(event schedule.Event) {
	if p, ok := event.(schedule.Published); ok {
		s.last.Store(&p.Tick)
	}
}

func (s *scheduler) stop() error {
	if s == nil {
		return nil
	}
	s.cancel()
	<-s.ended
	s.leave()
	return s.err
}
