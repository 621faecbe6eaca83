package job_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/warren-mq/warren/job"
	"github.com/warren-mq/warren/message"
)

func TestExecLeavesNoProcessBehindWhenTheContextIsDone(t *testing.T) {
	t.Parallel()
	for _, persistent := range []bool{false, true} {
		t.Run(fmt.Sprint("persistent is ", persistent), func(t *testing.T) {
			t.Parallel()
			s := listen(t)
			e := program("nest", s.env())
			e.KillDelay, e.Persistent, e.Logger = 50*time.Millisecond, persistent, quiet()
			h := handler(t, e)
			ctx, cancel := context.WithCancelCause(t.Context())
			done := inBackground(ctx, h, &message.Message{})
			peers := []*peer{s.accept(), s.accept(), s.accept()} // two of a group, and one of a session of its own
			cancel(errEnough)
			err := <-done
			if verdict(err) != "retry" || !strings.Contains(text(err), "signal: killed") || !errors.Is(err, errEnough) {
				t.Errorf("got %v, want a retry that says it was killed, and the cause", err)
			}
			if runtime.GOOS != "linux" {
				t.Log("NOT TESTED: a process in a session of its own is found on Linux alone")
				return
			}
			for _, p := range peers {
				if !p.endsSoon() {
					t.Errorf("process %d lives on", p.pid)
					p.kill()
				}
				awaitNoGroup(t, p.pid)
			}
		})
	}
}

// awaitNoGroup waits until no process has pgid, including processes that were not reaped yet.
func awaitNoGroup(t *testing.T, pgid int) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := time.After(time.Minute)
	for !errors.Is(syscall.Kill(-pgid, 0), syscall.ESRCH) {
		select {
		case <-tick.C:
		case <-late:
			t.Errorf("process group %d is still there", pgid)
			return
		}
	}
}

func TestExecKillsWhatACommandLeavesInItsGroup(t *testing.T) {
	t.Parallel()
	s := listen(t)
	done := inBackground(t.Context(), handler(t, program("nest", "CODE=65", s.env())), &message.Message{})
	peers := map[bool][]*peer{}
	for range 3 {
		p := s.accept()
		group, err := syscall.Getpgid(p.pid)
		if err != nil {
			t.Fatal(err)
		}
		peers[group == p.pid] = append(peers[group == p.pid], p)
	}
	for _, leader := range peers[true] { // the command, and the process with a session of its own
		if _, err := fmt.Fprintln(leader, "go on"); err != nil {
			t.Error(err)
		}
	}
	if err := <-done; verdict(err) != "dead-letter" {
		t.Errorf("got %v, want the dead letter that 65 makes", err)
	}
	if p := peers[false][0]; !p.endsSoon() {
		t.Errorf("process %d of the group lives on", p.pid)
	}
	living := 0
	for _, p := range peers[true] {
		if p.lives() {
			living++
			p.kill()
		}
	}
	if living != 1 {
		t.Errorf("%d processes live on, want the one that has left the group", living)
	}
}

func TestExecSendsSIGTERMBeforeSIGKILL(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{"0": "retry", "1": "retry", "3": "retry", "4": "retry", "65": "dead-letter"} {
		t.Run("what exits with "+code+" is "+want, func(t *testing.T) {
			t.Parallel()
			s := listen(t)
			e := program("graceful", "CODE="+code, s.env())
			e.KillDelay, e.ExitCodes = time.Minute, map[int]job.Verdict{3: job.Ack, 4: job.Discard}
			ctx, cancel := context.WithCancelCause(t.Context())
			done := inBackground(ctx, handler(t, e), &message.Message{})
			s.accept()
			cancel(errEnough)
			if err := <-done; verdict(err) != want || !errors.Is(err, errEnough) {
				t.Errorf("got %v, want %s with the cause of the context", err, want)
			}
		})
	}
}

func TestExecKillsAtOnceWithoutAKillDelay(t *testing.T) {
	t.Parallel()
	s := listen(t)
	e := program("wait", s.env())
	e.KillDelay = -1
	ctx, cancel := context.WithCancel(t.Context())
	done := inBackground(ctx, handler(t, e), &message.Message{})
	p := s.accept()
	cancel()
	if err := <-done; verdict(err) != "retry" || !p.endsSoon() {
		t.Errorf("got %v, want a retry", err)
	}
}

func TestExecKillsTheCommandWhenTheRunnerIsKilled(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Log("NOT TESTED: only Linux tells a process of its parent's death")
		return
	}
	s := listen(t)
	done := inBackground(t.Context(), handler(t, program("runner", s.env())), &message.Message{})
	parent, command := s.accept(), s.accept()
	parent.kill()
	if !command.endsSoon() {
		t.Error("the command lives on")
		command.kill()
	}
	if err := <-done; verdict(err) != "retry" {
		t.Errorf("got %v, want a retry", err)
	}
}

// This test runs alone, so that what others need is not taken for its own.
func TestExecDoesNotGrowByTheOutput(t *testing.T) {
	var l logged
	e := program("flood")
	e.Logger = logTo(&l, slog.LevelDebug) // so that stdout is read as well
	h := handler(t, e)
	flood := func(megabytes string) {
		if err := h.Handle(t.Context(), body(megabytes)); verdict(err) != "retry" || !strings.HasSuffix(text(err), "eee") {
			t.Errorf("got %v, want the end of stderr", err)
		}
	}
	flood("1") // the race detector needs some megabytes for the first
	grown := growth(t, func() { flood("100") })
	if !strings.Contains(l.String(), "oooo") {
		t.Errorf("logged %q, want the end of stdout", l.String())
	}
	check(t, grown)
}

func TestPersistentDoesNotGrowByTheOutput(t *testing.T) {
	e := program("answer")
	e.Persistent, e.Logger = true, quiet()
	h := handler(t, e)
	flood := func(megabytes string) {
		err := h.Handle(t.Context(), body("flood "+megabytes))
		if _, ok := errors.AsType[*job.AnswerError](err); !ok || !strings.Contains(err.Error(), "longer than MaxAnswerBytes") {
			t.Errorf("got %v, want that the answer is too long", err)
		}
	}
	flood("1") // as above
	check(t, growth(t, func() { flood("100") }))
}

func check(t *testing.T, grown int) {
	t.Helper()
	t.Logf("grown by %d KiB", grown>>10)
	if grown > 20*megabyte {
		t.Errorf("grown by %d bytes, want 20 MiB at most: the output has 100", grown)
	}
}

// growth is by how much f makes the process grow at most, in bytes: the peak of its
// resident memory on Linux, what the runtime has from the system elsewhere.
func growth(t *testing.T, f func()) int {
	t.Helper()
	runtime.GC()
	if runtime.GOOS != "linux" {
		before := fromSystem()
		f()
		return fromSystem() - before
	}
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil { // the peak is now what there is
		t.Fatal(err)
	}
	before := resident(t, "VmRSS")
	f()
	return resident(t, "VmHWM") - before
}

func fromSystem() int {
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int(s.Sys)
}

func resident(t *testing.T, field string) (kib int) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := bytes.Cut(status, []byte(field+":"))
	if _, err := fmt.Sscan(string(after), &kib); err != nil {
		t.Fatal(err)
	}
	return kib << 10
}
