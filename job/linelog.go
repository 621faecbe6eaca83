package job

import (
	"bytes"
	"context"
	"sync"
)

// maxLogLine is the longest part of a line that is logged, in bytes.
const maxLogLine = 4 << 10

// lineLog logs the lines written to it, cut to maxLogLine, and keeps the end of the output.
type lineLog struct {
	exec Exec

	mu   sync.Mutex
	line []byte // the current line, without its end
	tail tail
	ctx  context.Context // of the latest message, with its trace
	id   string          // of the latest message
}

// Write logs the complete lines of p. It returns no error.
func (l *lineLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, _ := l.tail.Write(p)
	for len(p) > 0 {
		part, rest, ended := bytes.Cut(p, []byte("\n"))
		l.line = append(l.line, part[:min(len(part), maxLogLine-len(l.line))]...)
		if ended {
			l.log()
		}
		p = rest
	}
	return n, nil
}

func (l *lineLog) log() {
	if text := clean(l.line); text != "" {
		l.exec.Logger.InfoContext(l.ctx, "job: stderr", "command", l.exec.Command[0], "message_id", l.id, "line", text)
	}
	l.line = l.line[:0]
}

// begin drops the kept output, which belongs to the previous message.
func (l *lineLog) begin(ctx context.Context, messageID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tail, l.ctx, l.id = tail{}, context.WithoutCancel(ctx), messageID
}

// flush logs a last line that has no newline.
func (l *lineLog) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.log()
}

// String returns the end of the output, as plain text for an error.
func (l *lineLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tail.String()
}
