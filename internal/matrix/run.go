package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	script   = "scripts/rabbitmq"
	support  = module + "/internal/rabbit" // imported by tests that need a broker
	farewell = time.Minute                 // time for a column to stop
)

// brokerPackages returns the packages whose tests use a broker, except package rabbit itself.
func brokerPackages(ctx context.Context) (packages []string, err error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-f", `{{.ImportPath}} {{join .TestImports " "}} {{join .XTestImports " "}}`, "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("matrix: list packages: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		if pkg, imports, _ := strings.Cut(line, " "); pkg != support && strings.Contains(imports, support) {
			packages = append(packages, pkg)
		}
	}
	return packages, nil
}

// runner runs columns.
type runner struct {
	folder string        // for the raw output
	limit  time.Duration // of each column
	test   []string      // the go test command
	pkgs   []string      // the packages; a column runs those that it can
	stdin  string        // the column that is read from in
	in     io.Reader
	log    *log.Logger // for progress
}

func newRunner(o options, packages []string, in io.Reader, out io.Writer) *runner {
	test := []string{"run", "go", "test", "-json", "-count=1", "-timeout=" + o.limit.String(), "-run=" + o.run}
	if o.race {
		test = append(test, "-race")
	}
	return &runner{folder: o.out, limit: o.limit, test: test, pkgs: packages, stdin: o.stdin, in: in, log: log.New(out, "", 0)}
}

func (r *runner) logf(c *column, format string, args ...any) {
	r.log.Printf("%-14s %s", c.name(), fmt.Sprintf(format, args...))
}

// column installs the broker if necessary, and runs the tests on it.
func (r *runner) column(ctx context.Context, c *column) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.limit, fmt.Errorf("longer than the limit of %v", r.limit))
	defer cancel()
	began := time.Now()
	if err := r.prepare(ctx, c); err != nil {
		c.fault = "NOT RUN: " + err.Error()
	} else if err := r.tests(ctx, c); err != nil {
		c.fault = "NOT FINISHED: " + err.Error()
	}
	if c.fault != "" {
		r.logf(c, "%s", c.fault)
	}
	r.logf(c, "took %s", time.Since(began).Round(time.Second))
}

func (r *runner) prepare(ctx context.Context, c *column) error {
	if c.kind != rabbitmq || c.name() == r.stdin {
		return nil
	}
	cmd := r.command(ctx, c, "install")
	var stderr bytes.Buffer
	cmd.Stderr = io.MultiWriter(&stderr, os.Stderr)
	return explain(cmd.Run(), stderr.String())
}

// tests runs the tests and writes their output to a file. It returns an error only if they could
// not run: failing tests are part of the results.
func (r *runner) tests(ctx context.Context, c *column) (err error) {
	raw, err := os.Create(filepath.Join(r.folder, c.name()+".json"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, raw.Close()) }()
	if c.name() == r.stdin {
		r.follow(ctx, c, io.TeeReader(r.in, raw))
		return context.Cause(ctx)
	}
	pkgs := slices.DeleteFunc(slices.Clone(r.pkgs), func(pkg string) bool { return !c.runs(pkg) })
	if len(pkgs) == 0 {
		return nil
	}
	cmd := r.command(ctx, c, slices.Concat(r.test, pkgs)...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	r.follow(ctx, c, io.TeeReader(stdout, raw))
	err = cmd.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if c.results.failed() {
		err = nil
	}
	return errors.Join(explain(err, stderr.String()),
		os.WriteFile(filepath.Join(r.folder, c.name()+".stderr"), stderr.Bytes(), 0o600))
}

// command returns the command of scripts/rabbitmq, which passes signals to its children.
func (r *runner) command(ctx context.Context, c *column, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, script, args...)
	cmd.Env = c.environment()
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = farewell
	return cmd
}

// explain adds the last line of the command's standard error to err.
func explain(err error, stderr string) error {
	if err == nil {
		return nil
	}
	stderr = strings.TrimSpace(stderr)
	return fmt.Errorf("%w: %s", err, stderr[strings.LastIndex(stderr, "\n")+1:])
}
