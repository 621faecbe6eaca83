package s3store_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"
	"go.uber.org/goleak"

	"github.com/warren-mq/warren/codec/claim/s3store"
)

func TestMain(m *testing.M) {
	code := m.Run()
	swift.stop()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// server is the S3 API of OpenStack Swift, which the first test to need it starts.
type server struct {
	once  sync.Once
	url   string
	err   error
	dir   string
	stdin io.Closer
	cmd   *exec.Cmd
}

var swift server

func (s *server) start() {
	if s.dir, s.err = os.MkdirTemp("", "warren-s3-"); s.err != nil {
		return
	}
	s.cmd = exec.CommandContext(context.Background(), "../../../scripts/s3", "serve", s.dir)
	s.cmd.Stderr = os.Stderr
	s.cmd.WaitDelay = 10 * time.Second
	stdin, err := s.cmd.StdinPipe()
	if err != nil {
		s.err = err
		return
	}
	s.stdin = stdin
	stdout, err := s.cmd.StdoutPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		s.cmd, s.err = nil, err
		return
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	s.url, s.err = "http://127.0.0.1:"+strings.TrimSpace(line), err
}

func (s *server) stop() {
	if s.cmd != nil {
		_ = s.stdin.Close() // ends the server
		_ = s.cmd.Wait()    // its status does not matter
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir) // files of a test
	}
}

// keys are the credentials of scripts/s3.
func keys() *credentials.Credentials { return credentials.NewStaticV4("test:tester", "testing", "") }

// open opens a store, which is closed with the test.
func open(t *testing.T, c s3store.Config) *s3store.Store {
	t.Helper()
	if c.Credentials == nil {
		c.Credentials = keys()
	}
	s, err := s3store.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// badKeys are credentials that Swift refuses.
func badKeys() *credentials.Credentials {
	return credentials.NewStaticV4("test:tester", "wrong", "")
}
