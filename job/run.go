package job

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// Exit statuses of sysexits.h that dead-letter the message.
const (
	exitDataErr = 65
	exitConfig  = 78
)

// run runs the command for m.
func (e Exec) run(ctx context.Context, m *message.Message) (*message.Message, error) {
	limit := e.outputLimit(m)
	output, err := e.execute(ctx, execution{messageID: m.ID, env: variables(ctx, m), stdin: bytes.NewReader(m.Body), limit: limit})
	if err != nil || limit == 0 {
		return nil, err
	}
	return e.use(ctx, output)
}

// execution is one run of a command.
type execution struct {
	messageID string // of the first message
	env       []string
	stdin     io.Reader
	limit     int // how many bytes of stdout are used
}

// execute runs the command, and returns the beginning of its stdout if the status acknowledges.
func (e Exec) execute(ctx context.Context, x execution) (*head, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	began := time.Now()
	var stdout, stderr tail
	output := &head{limit: x.limit}
	cmd := e.program()
	cmd.Env = append(cmd.Env, x.env...)
	cmd.Stdin, cmd.Stderr = x.stdin, &stderr
	logged := e.Logger.Enabled(ctx, slog.LevelDebug)
	if logged {
		cmd.Stdout = &stdout
	}
	if x.limit > 0 {
		cmd.Stdout = io.MultiWriter(output, &stdout)
	}
	p, n, err := e.begin(ctx, cmd)
	if err != nil {
		return nil, err
	}
	bad := e.await(ctx, p, n)
	if logged {
		e.Logger.DebugContext(ctx, "job: command ended", "command", e.Command[0], "message_id", x.messageID, "status", cmd.ProcessState.String(),
			"took", time.Since(began), "stdout", stdout.String(), "stderr", stderr.String())
	}
	if bad != nil {
		return nil, e.unlessStopping(ctx, fmt.Errorf("job: %s: %w", e.Command[0], bad))
	}
	return output, e.unlessStopping(ctx, e.conclude(ctx, p, &stderr))
}

// outputLimit returns how many bytes of stdout are used. Zero means that stdout is not used.
func (e Exec) outputLimit(m *message.Message) int {
	switch {
	case e.Emits != nil:
		return e.Emits.maxBytes()
	case e.Replies != nil && m.ReplyTo != "":
		return e.Replies.maxBytes()
	}
	return 0
}

// use emits what the command has written to stdout, or returns it as the reply.
func (e Exec) use(ctx context.Context, output *head) (*message.Message, error) {
	if e.Replies != nil {
		reply, err := e.Replies.parse(output)
		if err != nil {
			return nil, fmt.Errorf("job: %s: reply with stdout: %w", e.Command[0], err)
		}
		return reply, nil
	}
	all, err := e.Emits.parseLines(output)
	if err == nil {
		err = e.Emits.emit(ctx, all)
	}
	if err != nil {
		return nil, fmt.Errorf("job: %s: emit the lines on stdout: %w", e.Command[0], err)
	}
	return nil, nil //nolint:nilnil // no reply, and nothing wrong
}

// conclude turns the command's exit status into the handler's error.
func (e Exec) conclude(ctx context.Context, p *process, stderr *tail) error {
	state := p.cmd.ProcessState
	verdict, status := e.verdict(state), state.String()
	if p.interrupted && (verdict == Ack || verdict == Discard) {
		// Programs commonly exit with 0 after SIGTERM, also with a part of the work done.
		verdict, status = Retry, status+" after SIGTERM"
	}
	if verdict == Ack {
		return nil
	}
	pause, asked := stderr.takePause(time.Now())
	var reason string
	if e.Replies != nil {
		reason = stderr.takeReason()
	}
	err := verdict.of(because(&ExitError{
		Command: e.Command[0], Code: state.ExitCode(), Status: status, Stderr: stderr.String(), cause: context.Cause(ctx),
	}, reason))
	if asked && verdict == Retry {
		return retry.After(pause, err)
	}
	return err
}

func (e Exec) verdict(state *os.ProcessState) Verdict {
	if state == nil || !state.Exited() {
		return Retry // ended by a signal, or the status is unknown
	}
	code := state.ExitCode()
	if v, ok := e.ExitCodes[code]; ok {
		return v
	}
	switch code {
	case 0:
		return Ack
	case exitDataErr, exitConfig:
		return DeadLetter
	}
	return Retry
}

// ExitError reports how a command failed. If the context was done, it wraps the context's
// cause.
type ExitError struct {
	Command string // the program, without its arguments
	Code    int    // the exit status; -1 if a signal ended the command
	Status  string // the status as text, such as "exit status 1", "signal: killed" or "exit status 0 after SIGTERM"
	Stderr  string // the end of stderr, on one line, 1 KiB at most
	cause   error
}

// Error returns the program, its exit status, and the end of its stderr.
func (e *ExitError) Error() string {
	if e.Stderr == "" {
		return fmt.Sprintf("job: %s: %s", e.Command, e.Status)
	}
	return fmt.Sprintf("job: %s: %s: %s", e.Command, e.Status, e.Stderr)
}

// Unwrap returns the cause of the context, if the context was done.
func (e *ExitError) Unwrap() error { return e.cause }
