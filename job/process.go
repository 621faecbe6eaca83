package job

import (
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// outputDelay is how long the output of a command that has ended is waited for, where
// a process outside its group holds it open.
const outputDelay = time.Second

// process is a command that runs in a process group of its own.
type process struct {
	cmd  *exec.Cmd
	mark string        // in the environment of it and all that it starts
	done chan struct{} // closed when it has ended, and what was left of its group

	mu      sync.Mutex
	ended   bool // its process id may be another's
	stopped bool // it was told to end
}

// start starts cmd, which must have no context.
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

// startError says why cmd cannot start; a missing working directory looks like a
// missing program.
func startError(cmd *exec.Cmd, err error) error {
	if cmd.Dir != "" {
		if _, missing := os.Stat(cmd.Dir); missing != nil {
			err = missing
		}
	}
	return fmt.Errorf("job: cannot start %s: %w", cmd.Args[0], err)
}

// keep starts p and sees to its end.
func (p *process) keep(started chan<- error) {
	// The signal at a parent's death comes when the thread dies that was the parent.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	if awaitExit(p.cmd.Process.Pid) {
		p.endGroup()
		_ = p.cmd.Wait() // its ProcessState tells
	} else {
		_ = p.cmd.Wait()
		p.endGroup()
	}
	close(p.done)
}

// endGroup kills what p has left behind.
func (p *process) endGroup() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kill(syscall.SIGKILL)
	p.ended = true
	if p.stopped {
		killMarked(p.mark)
	}
}

// kill signals the group; there may be nobody left in it. The caller has the lock.
func (p *process) kill(sig syscall.Signal) {
	if !p.ended {
		_ = syscall.Kill(-p.cmd.Process.Pid, sig)
	}
}

// stop ends p: SIGTERM, and SIGKILL after delay. It returns when p has ended.
func (p *process) stop(delay time.Duration) {
	p.signal(syscall.SIGTERM)
	if p.wait(delay) {
		return
	}
	p.signal(syscall.SIGKILL)
	<-p.done
}

func (p *process) signal(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	p.kill(sig)
}

// wait says whether p ends within d.
func (p *process) wait(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-p.done:
		return true
	case <-t.C:
		return false
	}
}
