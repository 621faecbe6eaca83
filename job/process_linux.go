package job

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// groupOfItsOwn has the process killed, too, when this one dies without a word.
func groupOfItsOwn() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// awaitExit waits for the end of a child without reaping it, so that its id and that
// of its group cannot be another's yet.
func awaitExit(pid int) bool {
	const justThis = 1 // P_PID
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, justThis, uintptr(pid), 0, syscall.WEXITED|syscall.WNOWAIT, 0, 0)
		if !errors.Is(errno, syscall.EINTR) {
			return errno == 0
		}
	}
}

// killMarked kills the processes with mark in their environment. It looks again as long
// as it finds any, a few times, for those that are being born.
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

// killIfMarked holds on to the process while it looks, lest it kill another that has
// been given the same id.
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
		return false // not ours, or not ours to see
	}
	return p.Kill() == nil
}
