package topology_test

import (
	"math/bits"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/topology"
)

// TestLadderSteps: never early, and no longer than the ladder reaches.
func TestLadderSteps(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		d    time.Duration
		want uint32
	}{
		{"none", 0, 0},
		{"less than none", -time.Hour, 0},
		{"the least there is", -1 << 63, 0},
		{"a moment is a whole step", 1, 1},
		{"one step", topology.DelayGrain, 1},
		{"a little more is two", topology.DelayGrain + 1, 2},
		{"a minute", time.Minute, 600},
		{"the longest", topology.MaxDelay, 1<<topology.LadderLevels - 1},
		{"a little more than the longest is the longest", topology.MaxDelay + 1, 1<<topology.LadderLevels - 1},
		{"the most there is", 1<<63 - 1, 1<<topology.LadderLevels - 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := topology.LadderSteps(tt.d); got != tt.want {
				t.Errorf("LadderSteps(%v) is %d, want %d", tt.d, got, tt.want)
			}
		})
	}
}

// FuzzLadder follows a message from its entry: it waits as long as was asked for, by
// less than a step more, and comes out for its own queue.
func FuzzLadder(f *testing.F) {
	for _, d := range []time.Duration{0, 1, topology.DelayGrain, time.Minute, topology.MaxDelay, 1 << 62, -1} {
		f.Add(int64(d), "welcome.email")
	}
	f.Fuzz(func(t *testing.T, ns int64, queue string) {
		d := time.Duration(ns)
		steps := topology.LadderSteps(d)
		waits := time.Duration(steps) * topology.DelayGrain
		if short := min(d, topology.MaxDelay); waits < short || waits-max(short, 0) >= topology.DelayGrain {
			t.Fatalf("%v on the ladder for a delay of %v", waits, d)
		}
		words := strings.SplitN(topology.LadderKey(steps, queue), ".", topology.LadderLevels+1)
		if len(words) != topology.LadderLevels+1 || words[topology.LadderLevels] != queue {
			t.Fatalf("the key is %q, want %d words and then %q", words, topology.LadderLevels, queue)
		}
		var back uint32
		for _, w := range words[:topology.LadderLevels] {
			if w != "0" && w != "1" {
				t.Fatalf("a word of %q is neither 0 nor 1", words)
			}
			back = back<<1 | uint32(w[0]-'0')
		}
		if back != steps {
			t.Errorf("the key says %d steps, want %d", back, steps)
		}
		if want := topology.LadderLevel(max(bits.Len32(steps), 1) - 1); topology.LadderEntry(steps) != want {
			t.Errorf("%d steps enter at %s, want %s: that of the highest bit", steps, topology.LadderEntry(steps), want)
		}
	})
}

// FuzzDelayedKey holds checkDelayedKey against the ladder's own bindings: a key is
// refused exactly if it has too many words or one of the exchanges on the way would
// take it for a delay.
func FuzzDelayedKey(f *testing.F) {
	f.Add("user.signed_up", uint32(1))
	f.Add(strings.Repeat("0.", 22)+"1", uint32(1))
	f.Add("1", uint32(1<<22))
	f.Add("1", uint32(1))
	f.Add("", uint32(0))
	f.Add(strings.Repeat("a.", 23)+"email", uint32(3))
	f.Fuzz(func(t *testing.T, key string, steps uint32) {
		steps %= 1 << topology.LadderLevels
		checkAgainstBindings(t, key, steps)
	})
}

// TestDelayedKeysOfBits tries what fuzzing seldom makes: keys of many bits.
func TestDelayedKeysOfBits(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		words := make([]string, 1+r.IntN(topology.LadderLevels+2))
		for i := range words {
			words[i] = []string{"a", "a", "a", "a", "a", "a", "a", "", "0", "1"}[r.IntN(10)]
		}
		checkAgainstBindings(t, strings.Join(words, "."), uint32(1)<<r.IntN(topology.LadderLevels))
	}
}

func checkAgainstBindings(t *testing.T, key string, steps uint32) {
	t.Helper()
	words := strings.Split(key, ".")
	wrong := len(words) > topology.LadderLevels
	on := map[string]bool{"warren.delay.out": true}
	for k := range max(bits.Len32(steps), 1) {
		on[topology.LadderLevel(k)] = true
	}
	for _, b := range topology.Ladder().Bindings {
		wrong = wrong || on[b.Exchange] && topicMatches(strings.Split(b.Key, "."), words)
	}
	if err := topology.CheckDelayedKey(key, steps); (err != nil) != wrong {
		t.Errorf("key %q for %d steps: %v, and a binding takes it for a delay: %v", key, steps, err, wrong)
	}
}

// topicMatches is AMQP's: * is one word, # any number of words.
func topicMatches(pattern, words []string) bool {
	switch {
	case len(pattern) == 0:
		return len(words) == 0
	case pattern[0] == "#":
		return topicMatches(pattern[1:], words) || len(words) > 0 && topicMatches(pattern, words[1:])
	case len(words) == 0:
		return false
	}
	return (pattern[0] == "*" || pattern[0] == words[0]) && topicMatches(pattern[1:], words[1:])
}
