package command

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

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
	case errors.As(err, new(*topology.ConflictError)), errors.As(err, new(*topology.MissingError)):
		return exitConflict
	case errors.Is(err, broker.ErrRefused), errors.Is(err, broker.ErrNotConnected):
		return exitBroker
	}
	return exitFailed
}

// exitStatusTopic returns a help page: runner help exit-status.
func (p *Program) exitStatusTopic() *cobra.Command {
	return &cobra.Command{
		Use: "exit-status", Short: "Exit statuses of all commands",
		Long: `Exit statuses of all commands:

    0   success; for run and dev: stopped by a signal, and drained
    1   the command failed; the error is on stderr
    2   wrong arguments, or a removal was not confirmed
    3   the configuration is wrong; the command did not connect
    4   the broker cannot be reached, or refuses the user or virtual host
    5   the topology conflicts with the broker's; nothing was changed. With
        "topology plan --detailed-exitcode" also: something is missing or left over. For
        "topology migrate" also: the queue has consumers
    6   only a part was done: some messages were published or replayed and others not, or
        "topology prune" has kept a queue that is in use, or "topology migrate" must be
        run again or may have left processes paused
    7   doctor found an error
  130   interrupted; for run and dev: by a second signal, before the end of the drain`,
	}
}
