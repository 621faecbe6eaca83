package job_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/warren-mq/warren/job"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// handler makes the handler of config, and closes it when t ends.
func handler(t testing.TB, config interface{ Handler() (job.Handler, error) }) job.Handler {
	t.Helper()
	h, err := config.Handler()
	closeAtEnd(t, h, err)
	return h
}

// closeAtEnd closes h when t ends. It ends t if err is not nil.
func closeAtEnd(t testing.TB, h io.Closer, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
}

// verdict names what a worker makes of err.
func verdict(err error) string {
	after, paused := retry.AfterDelay(err)
	switch {
	case err == nil:
		return "ack"
	case retry.IsDiscard(err):
		return "discard"
	case retry.IsPermanent(err):
		return "dead-letter"
	case paused:
		return "retry after " + after.String()
	}
	return "retry"
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

var errEnough = errors.New("enough")

// sockets is where programs say hello.
type sockets struct {
	t        *testing.T
	listener *net.UnixListener
}

func listen(t *testing.T) sockets {
	t.Helper()
	dir, err := os.MkdirTemp("", "job") //nolint:usetesting // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = l.Close(), os.RemoveAll(dir) })
	return sockets{t, l}
}

func (s sockets) env() string { return "SOCKET=" + s.listener.Addr().String() }

// accept waits for a program to say hello.
func (s sockets) accept() *peer {
	s.t.Helper()
	if err := s.listener.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		s.t.Fatal(err)
	}
	conn, err := s.listener.Accept()
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		s.t.Fatal(err)
	}
	p := &peer{Conn: conn, lines: bufio.NewReader(conn)}
	line, err := p.lines.ReadString('\n')
	if err != nil {
		s.t.Fatal(err)
	}
	if p.pid, err = strconv.Atoi(strings.TrimSpace(line)); err != nil {
		s.t.Fatal(err)
	}
	return p
}

// peer is a process that has said hello.
type peer struct {
	net.Conn
	lines *bufio.Reader
	pid   int
}

// endsSoon says whether the process ends within a minute.
func (p *peer) endsSoon() bool {
	_ = p.SetReadDeadline(time.Now().Add(time.Minute))
	_, err := p.lines.ReadByte()
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

// lives says whether the process is still there.
func (p *peer) lives() bool {
	_ = p.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	_, err := p.lines.ReadByte()
	return errors.Is(err, os.ErrDeadlineExceeded)
}

func (p *peer) kill() { _ = syscall.Kill(p.pid, syscall.SIGKILL) }

// logged collects what is logged, and signals each line.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
	news chan struct{}
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.news <- struct{}{}:
	default:
	}
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// await waits until want has been logged.
func (l *logged) await(t *testing.T, want string) {
	t.Helper()
	late := time.After(time.Minute)
	for !strings.Contains(l.String(), want) {
		select {
		case <-l.news:
		case <-late:
			t.Fatalf("logged %q, want %q in it", l, want)
		}
	}
}

func logTo(l *logged, level slog.Level) *slog.Logger {
	l.news = make(chan struct{}, 1)
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: level}))
}

// quiet keeps a test's output free of what it is not about.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// inBackground handles m and gives the error once that is over.
func inBackground(ctx context.Context, h job.Handler, m *message.Message) <-chan error {
	done := make(chan error, 1)
	go func() { done <- h.Handle(ctx, m) }()
	return done
}
