package job

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
	"unicode/utf16"

	"github.com/warren-mq/warren/checkpoint"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/retry"
)

// checkpointHeader is the header of requests and responses with a checkpoint.
const checkpointHeader = "Warren-Checkpoint"

// maxCheckpointHeader is the longest checkpoint of a Webhook. Servers limit a header to 8 KiB.
const maxCheckpointHeader = 4 << 10

// maxNote is the longest line that saves a checkpoint.
const maxNote = checkpoint.MaxBytes + 1<<10

// note is a line by which a program saves a checkpoint, or says how far it is.
type note struct {
	ID         uint64          `json:"id"` // of a persistent process
	Checkpoint json.RawMessage `json:"checkpoint"`
	Progress   *float64        `json:"progress"` // from 0 to 1
}

// isNote reports whether a line of a persistent process is a note, and not an answer.
func isNote(line []byte) bool {
	var has struct {
		Checkpoint json.RawMessage `json:"checkpoint"`
		Progress   json.RawMessage `json:"progress"`
	}
	return json.Unmarshal(line, &has) == nil && (has.Checkpoint != nil || has.Progress != nil)
}

// keep checks a line, and keeps its checkpoint and progress for the message of ctx.
func keep(ctx context.Context, line []byte, id uint64) error {
	var n note
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	switch err := dec.Decode(&n); {
	case err != nil:
		return err
	case !atEnd(dec):
		return errors.New("more than one JSON value on the line, want one")
	case n.ID != id:
		return fmt.Errorf(`"id" is %d, want %d`, n.ID, id)
	case n.Checkpoint == nil && n.Progress == nil:
		return errors.New(`"checkpoint" and "progress" are missing, want one of them`)
	}
	if n.Progress != nil {
		checkpoint.Progress(ctx, *n.Progress)
	}
	if n.Checkpoint == nil {
		return nil
	}
	return checkpoint.Save(ctx, n.Checkpoint)
}

// saved returns the checkpoint of an earlier attempt as JSON, or nil.
func saved(ctx context.Context) json.RawMessage {
	var v json.RawMessage
	if _, err := checkpoint.Load(ctx, &v); err != nil || len(v) > checkpoint.MaxBytes {
		return nil // another program has written the header
	}
	return v
}

// notes are the lines that a command writes to the file descriptor notesFD. The zero value is
// for a command without Checkpoints.
type notes struct {
	theirs, ours *os.File
	bad          chan error    // gets the first fault
	ended        chan struct{} // closed when the last line was read
}

// notesFD is the descriptor of the first of exec.Cmd's ExtraFiles.
const notesFD = "3"

// openNotes has cmd, not yet started, write notes.
func openNotes(ctx context.Context, cmd *exec.Cmd) (n notes, err error) {
	if n.ours, n.theirs, err = os.Pipe(); err != nil {
		return n, fmt.Errorf("job: cannot start %s: %w", cmd.Args[0], err)
	}
	cmd.ExtraFiles = []*os.File{n.theirs}
	cmd.Env = append(cmd.Env, "WARREN_CHECKPOINT="+string(saved(ctx)), "WARREN_CHECKPOINT_FD="+notesFD)
	n.bad, n.ended = make(chan error, 1), make(chan struct{})
	return n, nil
}

// read reads the notes of the command, which is started, until it has closed its descriptor.
func (n notes) read(ctx context.Context) {
	if n.ours == nil {
		return
	}
	_ = n.theirs.Close()
	go func() {
		defer close(n.ended)
		r := bufio.NewReader(n.ours)
		for number := 1; ; number++ {
			line, err := readLine(r, maxNote)
			switch {
			case errors.Is(err, errTooLong):
				err = fmt.Errorf("longer than %d bytes", maxNote)
			case err != nil:
				return // a line without an end is not complete
			default:
				err = keep(ctx, line, 0)
			}
			if err != nil {
				n.bad <- fmt.Errorf("line %d on descriptor %s, %q, is not a checkpoint: %w", number, notesFD, cleanHead(line, 100), err)
				return
			}
		}
	}()
}

// close waits for the rest of the notes, after the command has ended, and returns the fault that
// was not received from bad. Another process may hold the descriptor open.
func (n notes) close() error {
	if n.ours == nil {
		return nil
	}
	_ = n.ours.SetReadDeadline(time.Now().Add(outputDelay))
	<-n.ended
	_ = n.ours.Close()
	select {
	case err := <-n.bad:
		return err
	default:
		return nil
	}
}

// begin starts the command, and reads its notes.
func (e Exec) begin(ctx context.Context, cmd *exec.Cmd) (p *process, n notes, err error) {
	if e.Checkpoints {
		if n, err = openNotes(ctx, cmd); err != nil {
			return nil, n, err
		}
	}
	if p, err = start(cmd); err != nil {
		n.abort()
		return nil, n, err
	}
	n.read(ctx)
	return p, n, nil
}

// abort closes n if the command could not be started.
func (n notes) abort() {
	if n.ours != nil {
		_, _ = n.ours.Close(), n.theirs.Close()
	}
}

// await waits until the command has ended. It stops it if ctx is done, or if a note is bad, and
// asks it to end when the worker begins to stop.
func (e Exec) await(ctx context.Context, p *process, n notes) error {
	var stopping <-chan struct{}
	if e.Checkpoints {
		stopping = handler.Stopping(ctx)
	}
	var bad error
	for ended := false; !ended; {
		select {
		case <-p.done:
			ended = true
		case <-ctx.Done():
			p.stop(ctx, e.KillDelay)
			ended = true
		case bad = <-n.bad:
			p.stop(ctx, e.KillDelay)
			ended = true
		case <-stopping:
			p.signal(syscall.SIGTERM)
			stopping = nil
		}
	}
	return cmp.Or(bad, n.close())
}

// unlessStopping returns err. If the worker is stopping and the message would be tried again, it
// returns an error that releases the message with its checkpoint.
func (e Exec) unlessStopping(ctx context.Context, err error) error {
	if err == nil || !e.Checkpoints || retry.IsPermanent(err) || retry.IsDiscard(err) {
		return err
	}
	select {
	case <-handler.Stopping(ctx):
		return fmt.Errorf("%w: %w", handler.ErrStopping, err)
	default:
		return err
	}
}

// endAtStop sends SIGTERM to the process when the worker begins to stop, until end is called.
func (c *coprocess) endAtStop(ctx context.Context) (end func()) {
	if !c.exec.Checkpoints || handler.Stopping(ctx) == nil {
		return func() {}
	}
	answered, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-handler.Stopping(ctx):
			c.signal(syscall.SIGTERM)
		case <-answered:
		}
	}()
	return func() { close(answered); <-ended }
}

// keepHeader keeps the checkpoint in the headers of a response, if there is one.
func keepHeader(ctx context.Context, h http.Header) error {
	text := h.Get(checkpointHeader)
	switch {
	case text == "":
		return nil
	case len(text) > maxCheckpointHeader:
		return fmt.Errorf("%s has %d bytes, want at most %d", checkpointHeader, len(text), maxCheckpointHeader)
	case !json.Valid([]byte(text)):
		return fmt.Errorf("%s is %q, want JSON", checkpointHeader, cleanHead([]byte(text), 100))
	}
	return checkpoint.Save(ctx, json.RawMessage(text))
}

// inASCII returns JSON with escapes in place of all characters that are not ASCII, since servers
// disagree about the charset of headers.
func inASCII(text json.RawMessage) string {
	var b strings.Builder
	for _, r := range string(text) {
		switch {
		case r < 0x80:
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
