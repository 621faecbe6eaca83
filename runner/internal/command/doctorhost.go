package command

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/warren-mq/warren/runner/internal/admin"
	"github.com/warren-mq/warren/runner/internal/config"
)

// checkDescriptors compares the limit of open files with what the handlers may need: a
// child process has three pipes, a web hook a connection.
func (e *examination) checkDescriptors() {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		e.addf("files", "skipped", "", "the limit of open files is not known: %v", err)
		return
	}
	need := uint64(64)
	for _, q := range e.config.Queues {
		need += uint64(4 * q.Concurrency)
	}
	if limit.Cur < need {
		e.failf("files", "Raise it with ulimit -n, or LimitNOFILE of systemd, or lower the concurrency.",
			"at most %d files may be open, and these queues may need %d", limit.Cur, need)
		return
	}
	e.okf("files", "at most %d files may be open, and these queues need %d at most", limit.Cur, need)
}

// checkCommands looks for the programs of the handlers.
func (e *examination) checkCommands() {
	before := len(e.findings)
	programs := 0
	for _, q := range e.config.Queues {
		for _, h := range q.Handlers {
			name, dir := programOf(h)
			if name == "" {
				continue
			}
			programs++
			if err := canRun(name, dir); err != nil {
				e.failf("commands", "Install it, or correct the path; \"./\" is the handler's dir.", "%s: %s: %v", q.Name, h.Key, err)
			}
		}
	}
	if programs > 0 {
		e.okUnlessf(before, "commands", "all %d programs of handlers can be run", programs)
	}
}

func programOf(h config.Handler) (name, dir string) {
	switch {
	case h.Exec != nil:
		return string(h.Exec.Command[0]), h.Exec.Dir
	case h.Persistent != nil:
		return string(h.Persistent.Command[0]), h.Persistent.Dir
	}
	return "", ""
}

// canRun looks for the program as os/exec does, which takes relative paths from dir.
func canRun(name, dir string) error {
	if strings.ContainsRune(name, filepath.Separator) && !filepath.IsAbs(name) {
		name = filepath.Join(dir, name)
		if !filepath.IsAbs(name) {
			name = "." + string(filepath.Separator) + name
		}
	}
	_, err := exec.LookPath(name)
	return err
}

// checkClock looks for the time zones, which small images lack.
func (e *examination) checkClock() {
	now := time.Now()
	for _, s := range e.config.Schedules {
		if _, err := time.LoadLocation(s.Timezone); err != nil {
			e.failf("clock", "Install tzdata, or set ZONEINFO.", "schedule %s: %v", s.Name, err)
			return
		}
	}
	if program, err := os.Executable(); err == nil {
		if info, err := os.Stat(program); err == nil && info.ModTime().After(now.Add(24*time.Hour)) {
			e.warnf("clock", "Set the clock, and keep it by NTP.", "it is %s here, and this program is from later", now.UTC().Format(time.RFC3339))
			return
		}
	}
	e.okf("clock", "it is %s, and the time zones of the schedules are known", now.UTC().Format(time.RFC3339))
}

// checkAdmin asks who is at the address of the admin interface.
func (e *examination) checkAdmin(ctx context.Context) {
	listen := e.config.Admin.Listen
	client, err := e.program.client(e.config)
	if err != nil {
		e.okf("admin", "admin.listen is none: there are no metrics for Prometheus, and no pause, resume and scale")
		return
	}
	status, err := client.Status(ctx)
	switch {
	case err == nil && status.Ready:
		e.okf("admin", "a runner is at work at %s", listen)
	case err == nil:
		e.warnf("admin", "See its log, and runner queues ls.", "the runner at %s is not ready: %s", listen, strings.Join(status.Reasons, "; "))
	case !errors.Is(err, admin.ErrNotRunning):
		e.failf("admin", "Give each runner an address of its own, and commands the token of the runner: admin.listen, admin.token.", "%s: %v", listen, err)
	default:
		e.checkListen(ctx, listen)
	}
}

func (e *examination) checkListen(ctx context.Context, address string) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		e.failf("admin", "Set admin.listen to an address of this machine that is free.", "%v", err)
		return
	}
	_ = l.Close() // it was free
	e.okf("admin", "no runner is at work here, and %s is free for one", address)
}
