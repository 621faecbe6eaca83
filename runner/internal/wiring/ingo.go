package wiring

import (
	"fmt"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/batch"
	"github.com/warren-mq/warren/job"
	"github.com/warren-mq/warren/runner/internal/config"
)

// Go holds the handlers that the program has registered, by name. A name is in one of the maps.
type Go struct {
	Handlers map[string]handler.Handler
	Batches  map[string]handler.BatchHandler
}

func (g Go) handler(name string) (job.Handler, error) {
	if h := g.Handlers[name]; h != nil {
		return alike(unclosed{h}, h), nil
	}
	return nil, fmt.Errorf("runner: unknown handler %q: this program has not registered it", name)
}

func (g Go) batchHandler(name string) (job.BatchHandler, error) {
	if h := g.Batches[name]; h != nil {
		return unclosedBatch{h}, nil
	}
	return nil, fmt.Errorf("runner: unknown handler of batches %q: this program has not registered it", name)
}

// describable returns the handler that h names, for worker.DescribeHandler.
func (g Go) describable(h config.Handler) handler.Handler {
	if h.Batch != nil {
		return &batch.Collector{Handler: g.Batches[h.Go]}
	}
	return g.Handlers[h.Go]
}

// unclosed is a handler in Go. The program that registers it must close its resources.
type unclosed struct{ handler.Handler }

func (unclosed) Close() error { return nil }

// unclosedBatch is a handler of batches in Go, whose resources the program must close.
type unclosedBatch struct{ handler.BatchHandler }

func (unclosedBatch) Close() error { return nil }
