//go:build !linux

package job

import "syscall"

func groupOfItsOwn() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// awaitExit returns false: only Linux can wait without reaping.
func awaitExit(int) bool { return false }

// killMarked does nothing: only Linux shows the environment of other processes.
func killMarked(string) {}
