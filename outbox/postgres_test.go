package outbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// postgres is the cluster that all tests share: the cluster of DATABASE_URL, or one that the
// first test to need it starts by scripts/postgres.
var postgres cluster

type cluster struct {
	once sync.Once
	dir  string
	url  string
	err  error
}

func (c *cluster) start() (url string, err error) {
	c.once.Do(func() {
		if c.url = os.Getenv("DATABASE_URL"); c.url != "" {
			return
		}
		// Not in a test's own folder: the user postgres has to get there.
		if c.dir, c.err = os.MkdirTemp(os.Getenv("WARREN_CLUSTERS"), "warren-pg-"); c.err == nil {
			c.url, c.err = script("start", c.dir)
		}
	})
	return c.url, c.err
}

func (c *cluster) remove() error {
	if c.dir == "" {
		return nil
	}
	_, err := script("remove", c.dir)
	return errors.Join(err, os.RemoveAll(c.dir))
}

func script(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "../scripts/postgres", args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("scripts/postgres %s: %w\n%s", strings.Join(args, " "), err, &stderr)
	}
	return strings.TrimSpace(stdout.String()), nil
}
