package job

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// groupOfItsOwn also has Linux kill the process when this process dies.
func groupOfItsOwn() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// awaitExit waits for the end of a child without reaping it, so that its process id and
// group id are not reused yet.
func awaitExit(pid int) bool {
	const justThis = 1 // P_PID
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, justThis, uintptr(pid), 0, syscall.WEXITED|syscall.WNOWAIT, 0, 0)
		if !errors.Is(errno, syscall.EINTR) {
			return errno == 0
		}
	}
}

// killMarked kills the processes with mark in their environment. While it finds any, it
// searches again, up to five times, for processes that were started during the search.
func killMarked(mark string) {
	for range 5 {
		paths, err := filepath.Glob("/proc/[0-9]*/environ")
		if err != nil {
			return
		}
		found := false
		for _, path := range paths {
			found = killIfMarked(path, mark) || found
		}
		if !found {
			return
		}
	}
}

// killIfMarked opens the process before it reads the environment, so that it cannot kill
// another process that has got the same id since.
func killIfMarked(path, mark string) bool {
	pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
	if err != nil {
		return false
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	defer func() { _ = p.Release() }()
	environ, err := os.ReadFile(path)
	if err != nil || !bytes.Contains(environ, []byte(mark)) {
		return false // without the mark, or of another user
	}
	return p.Kill() == nil
}
