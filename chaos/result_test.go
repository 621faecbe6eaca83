package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func at(seconds int) time.Time { return time.Unix(int64(seconds), 0) }

func TestLongestGap(t *testing.T) {
	t.Parallel()
	if got := longestGap([]time.Time{at(9), at(1), at(2)}); got != 7*time.Second {
		t.Errorf("got %v, want 7s", got)
	}
	if got := longestGap(nil); got != 0 {
		t.Errorf("got %v without messages, want 0", got)
	}
}

func TestFirstAfter(t *testing.T) {
	t.Parallel()
	times := []time.Time{at(1), at(5), at(9)}
	if got := firstAfter(times, at(2)); got != 3*time.Second {
		t.Errorf("got %v, want 3s", got)
	}
	if got := firstAfter(times, at(9)); got < time.Hour {
		t.Errorf("got %v without a later message, want a long time", got)
	}
}

func TestDisorderComparesFirstCopiesOfAKey(t *testing.T) {
	t.Parallel()
	entries := []entry{
		{"ordered", 0, at(1)},
		{"ordered", keys, at(2)},
		{"ordered", 0, at(3)}, // a duplicate
		{"ordered", 3 * keys, at(4)},
		{"ordered", 2 * keys, at(5)}, // after a later one
		{"ordered", 1, at(6)},        // another key
		{"plain", 4, at(7)},
		{"plain", 4 - keys, at(8)},
	}
	if got := disorder("ordered", entries); got != 1 {
		t.Errorf("got %d, want 1", got)
	}
}

func TestTicksAreEverySecondFromTheFirst(t *testing.T) {
	t.Parallel()
	all := ticks(map[int]int{101: 1, 103: 1}, at(105))
	if len(all) != 4 {
		t.Errorf("got %d ticks, want those of 101 to 104", len(all))
	}
	if none := ticks(nil, at(105)); len(none) != 0 {
		t.Errorf("got %d ticks of no schedule, want 0", len(none))
	}
}

func TestALedgerIsReadWhileItIsWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, ledgerPrefix+"1")
	write := func(text string) {
		f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	l := newLedger(dir)
	sent := map[int]time.Time{7: at(1), 8: at(1)}
	for i, tt := range []struct {
		text    string
		missing int
	}{{"plain 7 1000\npla", 1}, {"in 8 2000\n", 0}, {"plain 7 3000\n", 0}} {
		write(tt.text)
		if err := l.read(); err != nil {
			t.Fatal(err)
		}
		if got := l.missing("plain", sent); got != tt.missing {
			t.Errorf("step %d: %d missing, want %d", i, got, tt.missing)
		}
	}
	if l.copies["plain"][7] != 2 {
		t.Errorf("%d copies, want 2", l.copies["plain"][7])
	}
}

func TestAFaultHasBoundsModesAndAnEnd(t *testing.T) {
	t.Parallel()
	for _, f := range faults() {
		if len(f.bounds) == 0 || len(chosenModes(f.modes)) != len(f.modes) || f.act == nil {
			t.Errorf("%s: has no bounds or no action, or a mode is unknown", f.name)
		}
		if d := f.during(options{}); d < 10*time.Second || d > 15*time.Minute {
			t.Errorf("%s: publishes for %v, want 10s to 15m", f.name, d)
		}
	}
}

func TestARunForEachPublishIsNoExtraRun(t *testing.T) {
	t.Parallel()
	s := &stage{
		ledger: newLedger(""),
		load: &load{
			sent:  map[string]map[int]time.Time{"plain": {7: at(1), 8: at(1)}},
			again: map[string]map[int]int{"plain": {7: 2}},
		},
	}
	for _, number := range []int{7, 7, 7, 8, 8} { // 7 was published three times
		s.ledger.add(entry{"plain", number, at(2)})
	}
	r := newResult(fault{}, &nodes{})
	r.addMode(s, "plain")
	if r.extra != 1 || r.again != 2 || r.total("duplicates") != 3 {
		t.Errorf("%d extra runs, %d publishes again, %d duplicates, want 1, 2 and 3", r.extra, r.again, r.total("duplicates"))
	}
}
