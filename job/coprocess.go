package job

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/warren-mq/warren/message"
)

var (
	errEnded  = errors.New("job: the process ended without an answer")
	errUnsent = errors.New("job: the process ended before it got the message")
)

// coprocess is a process that handles one message after the other.
type coprocess struct {
	*process
	exec   Exec
	began  time.Time
	asked  uint64 // requests made
	stdin  *os.File
	stdout *os.File
	answer *bufio.Reader // of stdout
	stderr *lineLog
}

// startCoprocess starts the command of e as a coprocess.
func startCoprocess(e Exec) (*coprocess, error) {
	theirIn, stdin, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("job: cannot start %s: %w", e.Command[0], err)
	}
	stdout, theirOut, err := os.Pipe()
	if err != nil {
		_, _ = theirIn.Close(), stdin.Close()
		return nil, fmt.Errorf("job: cannot start %s: %w", e.Command[0], err)
	}
	c := &coprocess{exec: e, began: time.Now(), stdin: stdin, stdout: stdout, answer: bufio.NewReader(stdout), stderr: &lineLog{exec: e, ctx: context.Background()}}
	cmd := e.program()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirIn, theirOut, c.stderr
	c.process, err = start(cmd)
	_, _ = theirIn.Close(), theirOut.Close()
	if err != nil {
		c.close()
		return nil, err
	}
	go c.hangUp()
	return c, nil
}

// hangUp sets a deadline for reading and writing once the process has ended, because
// another process may hold the other end of the pipe open. Buffered output can still be
// read.
func (c *coprocess) hangUp() {
	<-c.done
	at := time.Now().Add(outputDelay)
	_, _ = c.stdin.SetDeadline(at), c.stdout.SetDeadline(at)
}

func (c *coprocess) close() {
	c.stderr.flush()
	_, _ = c.stdin.Close(), c.stdout.Close()
}

// question is a line for a process, with the way to read its answer.
type question struct {
	messageID string // of the first message
	several   bool   // it is about a batch with several messages
	limit     int    // the longest answer, in bytes
	line      func(id uint64) ([]byte, error)
	read      func(line []byte, id uint64) (answer, error)
}

// about returns the question for m.
func (e Exec) about(ctx context.Context, m *message.Message) question {
	return question{
		messageID: m.ID, limit: e.MaxAnswerBytes,
		line: func(id uint64) ([]byte, error) {
			var checkpoint json.RawMessage
			if e.Checkpoints {
				checkpoint = saved(ctx)
			}
			return encodeRequest(ctx, id, m, checkpoint)
		},
		read: e.readAnswer,
	}
}

// readAnswer reads the answer about one message.
func (e Exec) readAnswer(line []byte, id uint64) (answer, error) {
	a, err := parseAnswer(line, id)
	if err == nil && len(a.emitted) > 0 && e.Emits == nil {
		err = errors.New(`"emit" is set, want none without Emits`)
	}
	if err == nil && (a.Reply != nil || a.Reason != "") && e.Replies == nil {
		err = errNoReply
	}
	return a, err
}

// ask sends q to the process and waits for its answer. After an error, the process must
// be ended.
func (c *coprocess) ask(ctx context.Context, q question) (answer, error) {
	c.asked++
	line, err := q.line(c.asked)
	if err != nil {
		return answer{}, err
	}
	if c.answer.Buffered() > 0 {
		rest, _ := c.answer.Peek(c.answer.Buffered())
		return answer{}, c.nonsense(rest, errors.New("output without a message, want output only as the answer to a message"))
	}
	c.stderr.begin(ctx, q.messageID)
	if n, err := c.stdin.Write(line); err != nil && n == 0 {
		return answer{}, errUnsent
	} // after a partial write, the process may still have answered
	reply, err := c.answered(ctx, q.limit)
	if err != nil {
		return answer{}, err
	}
	a, err := q.read(reply, c.asked)
	if err != nil {
		return a, c.nonsense(reply, err)
	}
	return a, nil
}

// answered reads lines until the answer, and keeps the checkpoints before it.
func (c *coprocess) answered(ctx context.Context, limit int) ([]byte, error) {
	for {
		line, err := readLine(c.answer, limit)
		switch {
		case errors.Is(err, errTooLong):
			return nil, c.nonsense(line, err)
		case err != nil:
			return nil, errEnded
		case !c.exec.Checkpoints || !isNote(line):
			return line, nil
		}
		if err := keep(ctx, line, c.asked); err != nil {
			return nil, c.nonsense(line, err)
		}
	}
}

func (c *coprocess) nonsense(said []byte, err error) error {
	return &AnswerError{Command: c.exec.Command[0], Answer: cleanHead(said, 100), Err: err}
}

// end stops the process, and returns once it has ended.
func (c *coprocess) end(ctx context.Context) {
	c.stop(ctx, c.exec.KillDelay)
	c.close()
}

// retire closes stdin, so that the process can end by itself, and stops it after KillDelay.
func (c *coprocess) retire() {
	_ = c.stdin.Close()
	if !c.wait(max(c.exec.KillDelay, 0), nil) {
		c.stop(context.Background(), c.exec.KillDelay)
	}
	c.close()
}

// died returns the error for a message whose process ended without an answer. Call it
// after end.
func (c *coprocess) died(ctx context.Context) error {
	state := c.cmd.ProcessState
	return &ExitError{
		Command: c.exec.Command[0], Code: state.ExitCode(), Status: state.String() + " before it answered",
		Stderr: c.stderr.String(), cause: context.Cause(ctx),
	}
}
