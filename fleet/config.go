package fleet

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// Config configures the announcements and the control of a process.
type Config struct {
	// Users are the RabbitMQ users whose commands the process executes. If it is empty, the
	// process executes the commands of its own user. A program that may only publish work
	// should have another user. A user with RabbitMQ's tag impersonator can send commands in the
	// name of any user.
	Users []string
	// Version is the version of the program that the process announces. Empty means the version of
	// its main module.
	Version string
	// Level is the log level that the command log-level sets. If it is nil, the process
	// refuses that command.
	Level *slog.LevelVar
	// Drain is called by the command drain. If it is nil, the process's workers drain, and
	// Worker.Run returns nil.
	Drain func()
	// Schedule returns the state of the process's scheduler, without a Group if it has none.
	// It may be nil.
	Schedule func() Schedule
	// RunSchedule publishes the message of an entry of that scheduler now, and returns the message
	// id: schedule.Scheduler.RunNow. If it is nil, the process refuses that command.
	RunSchedule func(ctx context.Context, entry string) (messageID string, err error)
}

// Schedule is the state of a scheduler.
type Schedule struct {
	Group   string
	Role    string    // schedule.RoleLeader, schedule.RoleStandby or schedule.RoleIdle
	Last    time.Time // the last tick that the process has published
	Reasons []string  // why it is not ready
}

// ErrCancelled is in the cause of a handler's context if an operator has cancelled the
// message that it handles.
var ErrCancelled = errors.New("fleet: cancelled by an operator")
