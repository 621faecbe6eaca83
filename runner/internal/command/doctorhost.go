package command

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/warren-mq/warren/runner/internal/admin"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/wiring"
)

// checkDescriptors compares the limit of open files with the number that the handlers may
// need: three pipes for a child process, one connection for a webhook.
func (e *examination) checkDescriptors() {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		e.addf("files", "skipped", "", "the limit of open files cannot be read: %v", err)
		return
	}
	need := uint64(64)
	for _, q := range e.config.Queues {
		need += uint64(4 * q.Concurrency)
	}
	if limit.Cur < need {
		e.failf("files", "Raise the limit with ulimit -n, or LimitNOFILE in systemd, or lower the concurrency.",
			"the limit is %d open files, and these queues may need %d", limit.Cur, need)
		return
	}
	e.okf("files", "the limit is %d open files, and these queues need at most %d", limit.Cur, need)
}

// checkCommands checks that the programs of the handlers can be run.
func (e *examination) checkCommands() {
	before := len(e.findings)
	programs := 0
	for _, q := range e.config.Queues {
		if _, err := wiring.Schemas(q); err != nil {
			e.failf("commands", "Correct the schema, or its path.", "%s: %v", q.Name, err)
		}
		for _, h := range q.Handlers {
			name, dir := programOf(h)
			if name == "" {
				continue
			}
			programs++
			if err := canRun(name, dir); err != nil {
				e.failf("commands", "Install the program, or correct the path. \"./\" is the handler's dir.", "%s: %s: %v", q.Name, h.Key, err)
			}
		}
	}
	if programs > 0 {
		e.okUnlessf(before, "commands", "all %d programs of handlers can be run", programs)
	}
}

// checkCodecs checks that the keys, schemas and folders of the codecs can be read.
func (e *examination) checkCodecs() {
	before := len(e.findings)
	codecs := wiring.NewCodecs(e.config, slog.New(slog.DiscardHandler))
	for _, c := range e.config.Codecs {
		if _, err := codecs.Of(c.Name); err != nil {
			e.failf("codecs", "Correct the path or the file.", "%v", err)
		}
	}
	_ = codecs.Close() // nothing was stored
	if n := len(e.config.Codecs); n > 0 {
		e.okUnlessf(before, "codecs", "the files of all %d codecs can be used", n)
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

// canRun searches the program as os/exec does: relative paths start at dir.
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

// checkClock checks that the time zones are installed, which small images lack, and that
// the clock is plausible.
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
			e.warnf("clock", "Set the clock, and synchronize it with NTP.", "the clock shows %s, which is before this program was built", now.UTC().Format(time.RFC3339))
			return
		}
	}
	e.okf("clock", "the clock shows %s, and the time zones of the schedules are installed", now.UTC().Format(time.RFC3339))
}

// checkAdmin checks whether a runner answers at the admin address, or whether it is free.
func (e *examination) checkAdmin(ctx context.Context) {
	listen := e.config.Admin.Listen
	client, err := e.program.client(e.config)
	if err != nil {
		e.okf("admin", "admin.listen is disabled: Prometheus metrics, pause, resume and scale are not available")
		return
	}
	status, err := client.Status(ctx)
	switch {
	case err == nil && status.Ready && len(status.Warnings) > 0:
		e.warnf("admin", "Make room in that queue, or start its workers.", "the runner at %s: %s", listen, strings.Join(status.Warnings, "; "))
	case err == nil && status.Ready:
		e.okf("admin", "a runner is running at %s", listen)
	case err == nil:
		e.warnf("admin", "See its log and runner queues ls.", "the runner at %s is not ready: %s", listen, strings.Join(status.Reasons, "; "))
	case !errors.Is(err, admin.ErrNotRunning):
		e.failf("admin", "Set admin.listen to another address for each runner, and admin.token to the token of the runner.", "%s: %v", listen, err)
	default:
		e.checkListen(ctx, listen)
	}
}

func (e *examination) checkListen(ctx context.Context, address string) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		e.failf("admin", "Set admin.listen to a free address of this machine.", "%v", err)
		return
	}
	_ = l.Close() // opened only for this check
	e.okf("admin", "no runner is running here, and %s is free", address)
}
