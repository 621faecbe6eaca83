package job

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/warren-mq/warren/handler"
)

// outputDelay is how long to wait for the end of a command's output after the command has
// ended, because a process outside its group may hold the output open.
const outputDelay = time.Second

// maxStopDelay is the longest time from SIGTERM to SIGKILL while the worker stops. It is shorter
// than the 5 s that the worker waits for a cancelled handler.
const maxStopDelay = 4 * time.Second

// process is a command that runs in a process group of its own.
type process struct {
	cmd  *exec.Cmd
	mark string        // the entry of runVariable in its environment, which its children inherit
	done chan struct{} // closed when the process has ended and the rest of its group is killed

	mu      sync.Mutex
	ended   bool // the process id may have been reused
	stopped bool // a signal was sent

	interrupted bool // stop was called before p had ended; read it after stop has returned
}

// start starts cmd. It must have been created without a context.
func start(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, mark: runVariable + "=" + rand.Text(), done: make(chan struct{})}
	cmd.Env = append(cmd.Env, p.mark)
	cmd.SysProcAttr = groupOfItsOwn()
	cmd.WaitDelay = outputDelay
	started := make(chan error)
	go p.keep(started)
	if err := <-started; err != nil {
		return nil, startError(cmd, err)
	}
	return p, nil
}

// startError returns why cmd cannot start. It checks the working directory, because the
// error for a missing directory is the same as for a missing program.
func startError(cmd *exec.Cmd, err error) error {
	if cmd.Dir != "" {
		if _, missing := os.Stat(cmd.Dir); missing != nil {
			err = missing
		}
	}
	return fmt.Errorf("job: cannot start %s: %w", cmd.Args[0], err)
}

// keep starts p, waits for its end, and kills the rest of its group.
func (p *process) keep(started chan<- error) {
	// Linux sends Pdeathsig when the thread that started the process ends, so keep the
	// thread until the process has ended.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	if awaitExit(p.cmd.Process.Pid) {
		p.endGroup()
		_ = p.cmd.Wait() // the result is in ProcessState
	} else {
		_ = p.cmd.Wait()
		p.endGroup()
	}
	close(p.done)
}

// endGroup kills the remaining processes of p's group.
func (p *process) endGroup() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kill(syscall.SIGKILL)
	p.ended = true
	if p.stopped {
		killMarked(p.mark)
	}
}

// kill signals the group, which may be empty. The caller must hold the lock.
func (p *process) kill(sig syscall.Signal) {
	if !p.ended {
		_ = syscall.Kill(-p.cmd.Process.Pid, sig)
	}
}

// stop sends SIGTERM, and SIGKILL after delay, or 4 s after the worker of ctx begins to stop. It
// returns when p has ended.
func (p *process) stop(ctx context.Context, delay time.Duration) {
	p.interrupted = p.signal(syscall.SIGTERM)
	if p.wait(delay, handler.Stopping(ctx)) {
		return
	}
	p.signal(syscall.SIGKILL)
	<-p.done
}

// signal signals the group, and reports whether p had not ended.
func (p *process) signal(sig syscall.Signal) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	p.kill(sig)
	return !p.ended
}

// wait waits up to d for p to end, and reports whether it has ended. It waits up to
// maxStopDelay once stopping is closed.
func (p *process) wait(d time.Duration, stopping <-chan struct{}) bool {
	until := time.Now().Add(d)
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-p.done:
		return true
	case <-t.C:
		return false
	case <-stopping:
		return p.wait(min(time.Until(until), maxStopDelay), nil)
	}
}
