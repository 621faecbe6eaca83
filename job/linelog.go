package job

import (
	"bytes"
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
		l.exec.Logger.Info("job: stderr", "command", l.exec.Command[0], "line", text)
	}
	l.line = l.line[:0]
}

// forget drops the kept output, which belongs to the previous message.
func (l *lineLog) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tail = tail{}
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
