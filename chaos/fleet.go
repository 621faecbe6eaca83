package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// fleet are the worker processes.
type fleet struct {
	setup setup

	all     []*process
	mu      sync.Mutex
	changes []change // of their health
}

// change says that a worker became ready, or why it is not.
type change struct {
	at     time.Time
	reason string // empty if it is ready
}

// process is one worker process.
type process struct {
	cmd     *exec.Cmd
	started chan struct{}
	ended   chan struct{} // closed when its output has ended
}

// add starts a worker, and returns when it consumes from all its queues.
func (f *fleet) add() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	text, err := json.Marshal(f.setup)
	if err != nil {
		return err
	}
	p := &process{cmd: exec.Command(self), started: make(chan struct{}), ended: make(chan struct{})}
	p.cmd.Env, p.cmd.Stderr = append(os.Environ(), workerSetup+"="+string(text)), os.Stderr
	// The parent decides when its workers end, also when the terminal interrupts it.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if _, err := p.cmd.StdinPipe(); err != nil { // a worker ends when it is closed
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	f.all = append(f.all, p)
	go f.scan(p, out)
	select {
	case <-p.started:
		return nil
	case <-p.ended:
		return errors.New("a worker ended at its start")
	case <-time.After(5 * time.Minute):
		return errors.New("a worker does not consume after 5m")
	}
}

func (f *fleet) scan(p *process, out io.Reader) {
	defer close(p.ended)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		word, reason, _ := strings.Cut(lines.Text(), " ")
		if word == sayStarted {
			close(p.started)
			continue
		}
		f.mu.Lock()
		f.changes = append(f.changes, change{time.Now(), reason})
		f.mu.Unlock()
	}
}

// reason returns why a worker was not ready at some time after since. It returns "" if all
// were ready.
func (f *fleet) reason(since time.Time) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.changes {
		if c.reason != "" && c.at.After(since) {
			return c.reason
		}
	}
	return ""
}

// kill kills the oldest worker.
func (f *fleet) kill() error {
	p := f.all[0]
	f.all = f.all[1:]
	err := p.cmd.Process.Kill()
	<-p.ended
	_ = p.cmd.Wait() // it was killed
	return err
}

// stop stops the oldest worker, and returns how long that took.
func (f *fleet) stop() (time.Duration, error) {
	p, began := f.all[0], time.Now()
	f.all = f.all[1:]
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, fmt.Errorf("a worker has ended: %w", errors.Join(err, p.cmd.Wait()))
	}
	select {
	case <-p.ended:
	case <-time.After(time.Minute):
		return time.Minute, errors.Join(errors.New("a worker does not stop within 1m"), p.cmd.Process.Kill(), p.cmd.Wait())
	}
	if err := p.cmd.Wait(); err != nil {
		logf("a stopped worker: %v", err)
	}
	return time.Since(began), nil
}

// end stops all workers.
func (f *fleet) end() (err error) {
	for len(f.all) > 0 {
		_, failed := f.stop()
		err = errors.Join(err, failed)
	}
	return err
}
