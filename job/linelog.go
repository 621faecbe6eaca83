package job

import (
	"bytes"
	"sync"
)

// maxLogLine is what a log line shows of a line, in bytes.
const maxLogLine = 4 << 10

// lineLog logs the lines written to it, cut to maxLogLine, and keeps their end.
type lineLog struct {
	exec Exec

	mu   sync.Mutex
	line []byte // begun and not ended
	tail tail
}

// Write never fails.
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

// forget drops the end that it has kept: it belongs to the message before.
func (l *lineLog) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tail = tail{}
}

// flush logs a last line without an end.
func (l *lineLog) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.log()
}

// String is the end of it as an error may show it.
func (l *lineLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tail.String()
}
