package redisstore_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/warren-mq/warren/internal/rabbit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is generous: the machine may be busy.
const patience = time.Minute

// server is a Redis of the test's own, whose data outlives a crash.
type server struct {
	t     *testing.T
	dir   string
	stdin io.Closer
	done  chan error
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := prepare(t)
	s.start()
	return s
}

// prepare returns a server that has not started.
func prepare(t *testing.T) *server {
	t.Helper()
	dir, err := os.MkdirTemp("", "warren-redis-") //nolint:usetesting // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, dir: dir}
	t.Cleanup(func() {
		s.kill()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return s
}

// configure writes a configuration file into the folder of the server.
func (s *server) configure(name, settings string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(settings), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) start() {
	s.t.Helper()
	cmd := exec.Command("../../scripts/redis", "serve", s.dir)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.stdin, s.done = stdin, make(chan error, 1)
	go func() { s.done <- cmd.Wait() }()
	client := s.client(func(o *redis.Options) { o.MaxRetries = -1 })
	rabbit.Eventually(s.t, patience, func() bool {
		select {
		case err := <-s.done:
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			s.t.Fatalf("scripts/redis ended with %v\n%s", err, log)
		default:
		}
		return client.Ping(s.t.Context()).Err() == nil
	}, "Redis answers")
}

// kill kills the server, and returns when it has ended.
func (s *server) kill() {
	if s.stdin == nil {
		return
	}
	_ = s.stdin.Close()
	if err := <-s.done; err != nil {
		s.t.Errorf("scripts/redis ended with %v", err)
	}
	s.stdin = nil
}

// client returns a client that the test's end closes.
func (s *server) client(change func(*redis.Options)) *redis.Client {
	s.t.Helper()
	options := &redis.Options{Network: "unix", Addr: filepath.Join(s.dir, "socket"), ContextTimeoutEnabled: true}
	change(options)
	client := redis.NewClient(options)
	s.t.Cleanup(func() {
		if err := client.Close(); err != nil {
			s.t.Error(err)
		}
	})
	return client
}
