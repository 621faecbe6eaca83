//go:build !linux

package job

import "syscall"

func groupOfItsOwn() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// awaitExit cannot wait without reaping here.
func awaitExit(int) bool { return false }

// killMarked cannot see the environment of other processes here.
func killMarked(string) {}
