package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/warren-mq/warren/job"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/wiring"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// queue is a work queue with a worker of its own.
type queue struct {
	config   config.Queue
	worker   *worker.Worker
	sub      *worker.Subscription
	handlers []io.Closer
	codecs   *wiring.Codecs
	observed observed

	cancel context.CancelCauseFunc // nil until it is started
	ended  chan struct{}
	err    error // of Run, once ended is closed
}

// newQueue returns a queue that is not started.
func (e *Engine) newQueue(c config.Queue, all *config.Config) (*queue, error) {
	q := &queue{config: c, codecs: wiring.NewCodecs(all, e.options.Logger), ended: make(chan struct{})}
	q.worker = worker.New(worker.Config{
		Connections: e.connections, Grace: time.Duration(all.Grace), Logger: e.options.Logger, Fleet: e.fleet(all.Fleet), MeterProvider: e.options.Meter,
	})
	q.worker.Watch(q.observed.note)
	wanted := c.Worker(all.Exchanges)
	wanted.Middleware = wiring.Middleware(c, e.options.Logger)
	q.sub = q.worker.Queue(wanted)
	means := wiring.Means{Go: e.options.Go, Sender: e.senderTo, Publisher: q.worker.Publisher, Codecs: q.codecs, Logger: e.options.Logger}
	for i, h := range c.Handlers {
		h.Codec = c.CodecOf(h)
		if err := q.addHandler(h, means); err != nil {
			return nil, errors.Join(fmt.Errorf("runner: queue %q: handler %d: %w", c.Name, i+1, err), q.closeHandlers())
		}
	}
	if c.Paused {
		q.sub.Pause()
	}
	return q, nil
}

// addHandler makes the handler of h and registers it.
func (q *queue) addHandler(h config.Handler, means wiring.Means) error {
	if h.Batch != nil {
		made, err := wiring.BatchHandler(h, means)
		if err != nil {
			return err
		}
		q.handlers = append(q.handlers, made)
		q.sub.HandleBatch(h.Key, made, h.Batch.Size, time.Duration(h.Batch.Wait))
		return nil
	}
	made, err := wiring.Handler(h, means)
	if err != nil {
		return err
	}
	q.handlers = append(q.handlers, made)
	q.sub.Handle(h.Key, made)
	return nil
}

// senderTo returns the sender of a broker. An empty name means the engine's own.
func (e *Engine) senderTo(broker string) job.Sender {
	if broker == "" || e.options.sender == nil {
		return e.connections.Sender()
	}
	return e.options.sender(broker)
}

// startQueue runs the queue until stop. If the queue ends before, the engine stops. The
// exception is a queue added by a reload that the broker refuses to declare: the other
// queues continue.
func (e *Engine) startQueue(q *queue) {
	ctx, cancel := context.WithCancelCause(context.Background())
	q.cancel = cancel
	go func() {
		err := q.worker.Run(ctx)
		_, refused := errors.AsType[*topology.DeclarationError](err)
		_, missing := errors.AsType[*topology.MissingError](err)
		switch {
		case err == nil || ctx.Err() != nil:
		case (refused || missing) && e.isWorking():
			e.options.Logger.Error("runner: queue not started, the other queues continue; fix the cause and restart the runner",
				"queue", q.config.Name, "error", err)
			err = nil // the error was logged
		default:
			e.fail("queue "+q.config.Name, err)
			err = nil // fail has recorded the error
		}
		q.err = errors.Join(err, q.closeHandlers())
		close(q.ended)
	}()
}

// stop drains the queue. Cause is the reason.
func (q *queue) stop(cause error) error {
	if q.cancel == nil {
		return q.closeHandlers()
	}
	q.cancel(cause)
	<-q.ended
	return q.err
}

// closeHandlers closes all handlers at the same time, because processes may need time to end.
func (q *queue) closeHandlers() error {
	errs := make([]error, len(q.handlers))
	var all sync.WaitGroup
	for i, h := range q.handlers {
		all.Go(func() { errs[i] = h.Close() })
	}
	all.Wait()
	return errors.Join(errors.Join(errs...), q.codecs.Close())
}

// isWorking reports whether all queues of the first configuration have started.
func (e *Engine) isWorking() bool {
	select {
	case <-e.working:
		return true
	default:
		return false
	}
}
