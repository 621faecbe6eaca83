package command

import (
	"context"
	"errors"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// Exit statuses; "runner help exit-status" explains them.
const (
	exitFailed      = 1 // the command failed
	exitUsage       = 2 // wrong arguments, or not confirmed
	exitConfig      = 3 // the configuration is wrong
	exitBroker      = 4 // the broker cannot be reached or refuses the login
	exitConflict    = 5 // the topology conflicts or differs
	exitPartial     = 6 // only a part was done
	exitUnhealthy   = 7 // doctor found an error
	exitInterrupted = 130
)

// statusError is an error with an exit status of its own.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

// silentError is an exit status without a message, because the output was shown already.
type silentError struct{ status int }

func (e *silentError) Error() string { return "shown already" }

func usage(err error) error { return &statusError{exitUsage, err} }

func exitStatus(ctx context.Context, err error) int {
	var own *statusError
	var silent *silentError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, worker.ErrInterrupted), ctx.Err() != nil && errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &silent):
		return silent.status
	case errors.As(err, &own):
		return own.status
	case errors.As(err, new(*config.Error)):
		return exitConfig
	case errors.As(err, new(*topology.ConflictError)):
		return exitConflict
	case errors.Is(err, broker.ErrRefused), errors.Is(err, broker.ErrNotConnected):
		return exitBroker
	}
	return exitFailed
}
