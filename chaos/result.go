package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// result is a row of the table.
type result struct {
	fault   fault
	kind    brokerKind
	version string

	counts  map[string]map[string]int // sent, lost and duplicates by mode
	again   int                       // publishes that failed and were repeated
	extra   int                       // the most runs of the handler for one message beyond its publishes
	swapped int                       // messages of a key that were first handled after a later one
	ordered bool                      // the order was checked
	stall   time.Duration             // the longest time without any handled message
	slowest string                    // the mode with the longest time without a message of the mode
	modeGap time.Duration
	gap     time.Duration // the longest time between two confirms of the publisher
	back    time.Duration // until each mode handled a message again, after the cause was gone
	stopped time.Duration // the longest stop of a worker
	reason  string        // why a worker was not ready during the fault
	missed  []string
}

func newResult(f fault, n *nodes) *result {
	return &result{fault: f, kind: n.kind, version: n.version, counts: map[string]map[string]int{"sent": {}, "lost": {}, "duplicates": {}}}
}

func (r *result) missf(format string, args ...any) {
	r.missed = append(r.missed, fmt.Sprintf(format, args...))
}

// add adds what a stage has counted.
func (r *result) add(s *stage) {
	for _, m := range s.modes {
		r.addMode(s, m.name)
	}
	r.gap, r.stopped = max(r.gap, s.load.gap), max(r.stopped, s.stopped)
	if reason := s.fleet.reason(s.begun); r.reason == "" {
		r.reason = reason
	}
	times := make(map[string][]time.Time)
	var all []time.Time
	for _, e := range s.ledger.entries {
		if e.mode != deadLetters {
			times[e.mode], all = append(times[e.mode], e.at), append(all, e.at)
		}
	}
	r.stall = max(r.stall, longestGap(all))
	for _, m := range s.modes {
		if m.name == deadLetters {
			continue
		}
		if gap := longestGap(times[m.name]); gap > r.modeGap {
			r.modeGap, r.slowest = gap, m.name
		}
		if !s.gone.IsZero() {
			r.back = max(r.back, firstAfter(times[m.name], s.gone))
		}
	}
	for _, m := range s.modes {
		if m.queue.OrderBy != nil && s.ledger.count(m.name) > 0 {
			r.ordered, r.swapped = true, r.swapped+disorder(m.name, s.ledger.entries)
		}
	}
}

// addMode counts the messages of a mode.
func (r *result) addMode(s *stage, mode string) {
	sent := s.sent(mode)
	r.counts["sent"][mode] += len(sent)
	r.counts["lost"][mode] += s.ledger.missing(mode, sent)
	for _, n := range s.load.again[mode] {
		r.again += n
	}
	for number, n := range s.ledger.copies[mode] {
		r.counts["duplicates"][mode] += n - 1
		r.extra = max(r.extra, n-1-s.load.again[mode][number])
	}
}

// ticks returns the ticks that must have come: one a second, from the first one on.
func ticks(handled map[int]int, ended time.Time) map[int]time.Time {
	first := int(ended.Unix())
	for second := range handled {
		first = min(first, second)
	}
	all := make(map[int]time.Time)
	for second := first; second < int(ended.Unix()); second++ {
		all[second] = time.Unix(int64(second), 0)
	}
	return all
}

func longestGap(times []time.Time) (longest time.Duration) {
	slices.SortFunc(times, time.Time.Compare)
	for i := 1; i < len(times); i++ {
		longest = max(longest, times[i].Sub(times[i-1]))
	}
	return longest
}

// firstAfter returns the time from since to the first of the sorted times after it, or a day
// if there is none.
func firstAfter(times []time.Time, since time.Time) time.Duration {
	for _, t := range times {
		if t.After(since) {
			return t.Sub(since)
		}
	}
	return 24 * time.Hour
}

// disorder returns how many messages of a mode were first handled after a later one of their key.
func disorder(mode string, entries []entry) (swapped int) {
	var first []entry
	seen := make(map[int]bool)
	sorted := slices.Clone(entries)
	slices.SortStableFunc(sorted, func(a, b entry) int { return a.at.Compare(b.at) })
	for _, e := range sorted {
		if e.mode == mode && !seen[e.number] {
			seen[e.number] = true
			first = append(first, e)
		}
	}
	highest := make(map[int]int)
	for _, e := range first {
		if e.number < highest[e.number%keys] {
			swapped++
		}
		highest[e.number%keys] = max(highest[e.number%keys], e.number)
	}
	return swapped
}

func (r *result) total(what string) (n int) {
	for _, count := range r.counts[what] {
		n += count
	}
	return n
}

// split returns a total and, if it is not 0, its parts by mode.
func (r *result) split(what string) string {
	var parts []string
	for _, name := range modeNames() {
		if n := r.counts[what][name]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", name, n))
		}
	}
	if len(parts) == 0 {
		return "0"
	}
	return fmt.Sprintf("%d (%s)", r.total(what), strings.Join(parts, ", "))
}

// judge compares the result with the bounds of its fault.
func (r *result) judge() {
	for _, b := range r.fault.boundsOn(r.kind) {
		if why := b.missed(r); why != "" {
			r.missf("%s", why)
		}
	}
}

func (r *result) String() string { return strings.Join(r.cells()[3:], " | ") }

func (r *result) cells() []string {
	order := "–"
	if r.ordered {
		order = "kept"
		if r.swapped > 0 {
			order = fmt.Sprintf("%d swapped", r.swapped)
		}
	}
	verdict := "met" + r.measured()
	if len(r.missed) > 0 {
		verdict = "missed: " + strings.ReplaceAll(strings.Join(r.missed, "; "), "\n", " ")
	}
	return []string{
		r.fault.name, r.kind.name + " (" + r.version + ")", strconv.Itoa(r.fault.times), strconv.Itoa(r.total("sent")), r.split("lost"),
		r.split("duplicates"), strconv.Itoa(r.again), rounded(r.stall), fmt.Sprintf("%s (%s)", rounded(r.modeGap), r.slowest),
		order, r.fault.boundTextOn(r.kind), verdict,
	}
}

// measured returns the figures that the bounds are about and that have no column.
func (r *result) measured() string {
	var text strings.Builder
	for _, b := range r.fault.boundsOn(r.kind) {
		if b.figure != nil {
			text.WriteString(", " + b.figure(r))
		}
	}
	return text.String()
}
