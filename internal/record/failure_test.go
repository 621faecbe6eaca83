package record_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

const maxRecord = 32 << 10 // design §8

var at = time.Date(2031, 5, 6, 7, 8, 9, 10, time.UTC)

var errBoom = errors.New("boom")

// failed is the record of a message whose attempt on queue q failed with err.
func failed(m *message.Message, err error, at time.Time) message.Headers {
	return record.Failure{
		Queue: "q", Message: m, Reason: message.ReasonError, Err: err, Retry: true, Handler: "#", At: at,
	}.Headers()
}

// checkRecord is what holds for every failure record: it is small, and it is text
// but for the exchange and the routing key, which have to be as they were.
func checkRecord(t *testing.T, h message.Headers) {
	t.Helper()
	size := 0
	for name, v := range h {
		text, isText := v.(string)
		if !isText {
			if _, ok := v.(int64); !ok {
				t.Errorf("%s is a %T, want text or an int64", name, v)
			}
		}
		if !utf8.ValidString(text) && name != record.HeaderExchange && name != record.HeaderRoutingKey {
			t.Errorf("%s is not valid UTF-8: %q", name, text)
		}
		size += len(name) + len(text) + 8
	}
	if size >= maxRecord {
		t.Errorf("the record has %d bytes, want less than %d", size, maxRecord)
	}
}

type attemptEntry struct {
	Attempt int    `json:"attempt"`
	At      string `json:"at"`
	Error   string `json:"error"`
}

func readHistory(t *testing.T, h message.Headers) []attemptEntry {
	t.Helper()
	var entries []attemptEntry
	if err := json.Unmarshal([]byte(h.String(record.HeaderHistory)), &entries); err != nil {
		t.Fatalf("history %q: %v", h.String(record.HeaderHistory), err)
	}
	return entries
}

func TestHistoryKeepsTheFirstAndTheLatestNine(t *testing.T) {
	t.Parallel()
	m := &message.Message{Headers: message.Headers{}}
	for n := 1; n <= 25; n++ {
		m.Attempt = n
		text := strings.Repeat("<&> ", 100) // what JSON writes in six bytes each
		m.Headers = failed(m, errors.New(text), at.Add(time.Duration(n)*time.Hour))
		checkRecord(t, m.Headers)
	}
	var got []int
	for _, e := range readHistory(t, m.Headers) {
		got = append(got, e.Attempt)
	}
	if want := "[1 17 18 19 20 21 22 23 24 25]"; fmt.Sprint(got) != want {
		t.Errorf("attempts %v, want %s", got, want)
	}
	for name, want := range map[string]string{
		record.HeaderFirstFailedAt: "2031-05-06T08:08:09.00000001Z", record.HeaderLastFailedAt: "2031-05-07T08:08:09.00000001Z",
	} {
		if got := m.Headers.String(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

// TestHistoryBeginsAnew: what is no history of this queue is not carried on.
func TestHistoryBeginsAnew(t *testing.T) {
	t.Parallel()
	long, err := json.Marshal([]attemptEntry{{Attempt: 9, Error: strings.Repeat("x", 17<<10)}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		queue string
		given any
	}{
		{"a record of another queue", "other", `[{"attempt":9}]`},
		{"no JSON", "q", `[{"attempt":9`},
		{"JSON of another shape", "q", `{"attempt":9}`},
		{"a number", "q", int64(9)},
		{"one that is too long to be ours", "q", string(long)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := &message.Message{Attempt: 3, Headers: message.Headers{
				record.HeaderQueue: tt.queue, record.HeaderHistory: tt.given,
			}}
			got := readHistory(t, failed(m, errBoom, at))
			if len(got) != 1 || got[0].Attempt != 3 || got[0].Error != "boom" {
				t.Errorf("history %v, want attempt 3 alone", got)
			}
		})
	}
}

// TestASnoozeRecordsNoFailure, but keeps the way back.
func TestASnoozeRecordsNoFailure(t *testing.T) {
	t.Parallel()
	m := &message.Message{Attempt: 3, Exchange: "events", RoutingKey: "key"}
	h := record.Failure{Queue: "q", Message: m, Retry: true, At: at}.Headers()
	want := fmt.Sprint(message.Headers{
		record.HeaderQueue: "q", record.HeaderExchange: "events",
		record.HeaderRoutingKey: "key", record.HeaderRetryCount: int64(2),
	})
	if got := fmt.Sprint(h); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestClip(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, in string
		n        int
		want     string
	}{
		{"what fits stays", "short", 5, "short"},
		{"what does not is marked", "123456789", 8, "12345…"},
		{"a character is not cut apart", "1234ü6789", 8, "1234…"},
		{"bytes that are no text are replaced", "a\xffb", 9, "a\uFFFDb"},
		{"no room at all leaves the mark", "ünïcödé", 3, "…"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := record.Clip(tt.in, tt.n); got != tt.want || len(got) > tt.n {
				t.Errorf("got %q of %d bytes, want %q", got, len(got), tt.want)
			}
		})
	}
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	base := errors.New(`user 17 "alice": row 0af7651916cd43dd8448eb211c80319c at 0xc000123 not found`)
	same := map[string]error{
		"numbers, quotes and ids vary": errors.New(`user 4711 "bob": row b7ad6b716920333100f067aa0ba902b7 at 0xc00ffff not found`),
		"it is wrapped":                fmt.Errorf("%w", base),
	}
	for name, err := range same {
		if record.Fingerprint("q", err) != record.Fingerprint("q", base) {
			t.Errorf("%s: another fingerprint for %v", name, err)
		}
	}
	id1, id2 := errors.New("order 123e4567-e89b-12d3-a456-426614174000 'a b'"), errors.New("order 987fcdeb-51a2-43f7-9abc-0123456789ab 'c'")
	if record.Fingerprint("q", id1) != record.Fingerprint("q", id2) {
		t.Error("another fingerprint for another UUID")
	}
	other := map[string]string{
		"the queue": record.Fingerprint("other", base),
		"the text":  record.Fingerprint("q", errors.New(`user 17 "alice": row 0af7651916cd43dd8448eb211c80319c at 0xc000123 locked`)),
		"the type":  record.Fingerprint("q", &fs.PathError{Op: "open", Path: "a", Err: base}),
	}
	for what, f := range other {
		if f == record.Fingerprint("q", base) {
			t.Errorf("%s differs, the fingerprint does not", what)
		}
	}
	if f := record.Fingerprint("q", errors.New(strings.Repeat("long ", 1<<20))); len(f) != 16 {
		t.Errorf("fingerprint %q, want 16 characters", f)
	}
}

// short is s as long as AMQP lets an exchange or a routing key be.
func short(s string) string { return s[:min(len(s), 255)] }

// FuzzRecord: whatever the headers and the error say, the record is text and small.
func FuzzRecord(f *testing.F) {
	f.Add("boom", "2031", `[{"attempt":1}]`, "events", "key", "#", "error", []byte("stack"), 2)
	f.Add("boom", "", "", "events", "key", "#", strings.Repeat("because ", 5000), []byte{}, 1)
	f.Add(strings.Repeat("\xff", 5000), strings.Repeat("9", 300), strings.Repeat("[", 20000), "", strings.Repeat("k", 255),
		strings.Repeat("*", 255), "panic", make([]byte, 10000), -1)
	f.Add("", "", `[{"error":"`+strings.Repeat("\u2028", 5000)+`"}]`, "\xff", "\x00", "", "", []byte{}, 1<<30)
	f.Fuzz(func(t *testing.T, text, first, past, exchange, key, pattern, reason string, stack []byte, attempt int) {
		m := &message.Message{Attempt: attempt, Exchange: short(exchange), RoutingKey: short(key), Headers: message.Headers{
			record.HeaderQueue: []byte("q"), record.HeaderFirstFailedAt: first, record.HeaderHistory: past,
		}}
		for _, err := range []error{errors.New(text), errors.New(reason)} {
			h := record.Failure{
				Queue: "q", Message: m, Reason: message.ReasonError, Err: err, Stack: stack, Retry: true, Handler: pattern, At: at,
			}.Headers()
			checkRecord(t, h)
			if h.String(record.HeaderError) == "" && err.Error() != "" {
				t.Errorf("the error %q was not recorded", err)
			}
			if f := h.String(record.HeaderFingerprint); len(f) != 16 {
				t.Errorf("fingerprint %q, want 16 characters", f)
			}
		}
	})
}
