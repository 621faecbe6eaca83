package differential_test

import (
	"cmp"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/internal/rabbit"
)

// pauses are tried in turn until both brokers agree, since a broker that was merely slow
// does not differ: the counts of a quorum queue lag behind until its log is on disk. On a
// busy machine, 3 of 20 plays of seed 363 differ on RabbitMQ itself at the first pause.
var pauses = []time.Duration{time.Millisecond, 10 * time.Millisecond, 50 * time.Millisecond, 200 * time.Millisecond}

// shrinkTime bounds the search for a shorter sequence that differs.
const shrinkTime = 20 * time.Second

func TestDevbrokerAnswersRandomSequencesLikeTheBroker(t *testing.T) {
	t.Parallel()
	url := rabbit.URL(t)
	ours, err := devbroker.Pipe(devbroker.Config{Version: versionOf(t, url)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ours.Close() })
	a := dialer(func() (net.Conn, error) { return ours.Dial("", "") })
	first, count := setting(t, "WARREN_SEED", 4), setting(t, "WARREN_SEEDS", 20)
	differences := 0
	for seed := first; seed < first+count; seed++ {
		if !compare(t, a, tcp(url), generate(seed)) {
			differences++
		}
	}
	t.Logf("RabbitMQ %s: %d sequences played, %d differ", versionOf(t, url), count, differences)
}

// setting reads a number from the environment.
func setting(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(cmp.Or(os.Getenv(name), strconv.FormatUint(otherwise, 10)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// compare fails the test if a sequence is answered differently, and shows the shortest
// sequence that it finds for it.
func compare(t *testing.T, ours, theirs dialer, s sequence) bool {
	t.Helper()
	if differ(t, ours, theirs, s, pauses) == "" {
		return true
	}
	end := time.Now().Add(shrinkTime)
	s = shrink(s, func(shorter sequence) bool {
		return time.Now().Before(end) && differ(t, ours, theirs, shorter, pauses[1:3]) != ""
	})
	got, want := transcript(t, ours, s, time.Microsecond), transcript(t, theirs, s, pauses[1])
	t.Errorf("seed %d, queues %v, exchanges %v\n%s\nseen on the broker:\n%s",
		s.seed, s.queue, s.kind, difference(got, want), strings.Join(want, "\n"))
	return false
}

// differ returns the difference that stays with every pause; "" if there is none.
func differ(t *testing.T, ours, theirs dialer, s sequence, pauses []time.Duration) (text string) {
	t.Helper()
	for _, pause := range pauses {
		got, want := transcript(t, ours, s, time.Microsecond), transcript(t, theirs, s, pause)
		if text = difference(got, want); text == "" {
			return ""
		}
	}
	return text
}

func transcript(t *testing.T, dial dialer, s sequence, pause time.Duration) []string {
	t.Helper()
	lines, err := play(dial, s, pause)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// shrink leaves steps out, at first many at once, for as long as fails still holds.
func shrink(s sequence, fails func(sequence) bool) sequence {
	for size := len(s.steps) / 2; size > 0; size /= 2 {
		for i := 0; i+size <= len(s.steps); {
			shorter := s
			shorter.steps = slices.Delete(slices.Clone(s.steps), i, i+size)
			if fails(shorter) {
				s = shorter
			} else {
				i += size
			}
		}
	}
	return s
}

func TestShrinkKeepsOnlyTheStepsThatMatter(t *testing.T) {
	t.Parallel()
	s := shrink(generate(7), func(s sequence) bool {
		return slices.ContainsFunc(s.steps, func(s step) bool { return s.op == "publish" })
	})
	if len(s.steps) != 1 || s.steps[0].op != "publish" {
		t.Errorf("got %v, want one publish", s.steps)
	}
}

// versionOf returns the first two numbers of the version that the broker reports.
func versionOf(t *testing.T, url string) string {
	t.Helper()
	version, ok := rabbit.Connect(t, url).Properties["version"].(string)
	parts := strings.Split(version, ".")
	if !ok || len(parts) < 2 {
		t.Fatalf("the broker says it is version %q, want a number such as 4.3.0", version)
	}
	return parts[0] + "." + parts[1]
}
