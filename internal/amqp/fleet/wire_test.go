package fleet_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/warren-mq/warren/internal/amqp/fleet"
)

// valid is the smallest announcement.
const valid = `{"format":1,"kind":"state","process":{"id":"ABCDEFGHIJKLMNOPQRSTUVWXYZ"}}`

func TestAnnouncementsThatAreNotValidAreRefused(t *testing.T) {
	t.Parallel()
	if _, err := fleet.DecodeAnnouncement([]byte(valid)); err != nil {
		t.Fatalf("the valid one returned %v", err)
	}
	for name, body := range map[string]string{
		"empty":               "",
		"no JSON":             "{",
		"another type":        `[1]`,
		"another format":      strings.Replace(valid, `"format":1`, `"format":2`, 1),
		"another kind":        strings.Replace(valid, "state", "boast", 1),
		"no process id":       `{"format":1,"kind":"state"}`,
		"an id that controls": strings.Replace(valid, "ABC", `\u001b[2`, 1),
		"a command without":   strings.Replace(valid, "state", "command", 1),
		"a deep nest":         strings.Repeat(`{"process":`, 20_000),
		"too large":           valid + strings.Repeat(" ", fleet.MaxAnnouncement),
	} {
		if a, err := fleet.DecodeAnnouncement([]byte(body)); err == nil {
			t.Errorf("%s: decoded as %+v, want an error", name, a)
		}
	}
}

func TestLongAnnouncementsAreShortened(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("ä", 5000)
	in := fleet.Announcement{
		Format: 1, Kind: fleet.KindState, Process: fleet.Process{ID: "ABCDEFGHIJKLMNOPQRSTUVWXYZ", Host: text},
		IntervalMS: int64(time.Hour / time.Millisecond), LastError: &fleet.Failure{Error: text}, Reasons: make([]string, 1000),
		Queues: make([]fleet.Queue, 300), InHand: make([]fleet.InHand, 100),
	}
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	a, err := fleet.DecodeAnnouncement(body)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Queues) != fleet.MaxQueues || len(a.InHand) != fleet.MaxInHand || a.Omitted != 136 || len(a.Reasons) > 10 {
		t.Errorf("it has %d queues, %d messages and %d reasons, %d omitted", len(a.Queues), len(a.InHand), len(a.Reasons), a.Omitted)
	}
	if len(a.Process.Host) > 255 || len(a.LastError.Error) > 300 || !utf8.ValidString(a.LastError.Error) || a.IntervalMS != 60_000 {
		t.Errorf("a name has %d bytes, an error %d, the interval is %d ms", len(a.Process.Host), len(a.LastError.Error), a.IntervalMS)
	}
}

func FuzzDecodeAnnouncement(f *testing.F) {
	f.Add([]byte(valid))
	f.Add([]byte(`{"format":1,"kind":"command","process":{"id":"ABCDEFGHIJKLMNOPQRSTUVWXYZ"},"executed":{"by":"x","command":{"name":"pause"}}}`))
	f.Add([]byte(`{"format":1,"kind":"state","process":{"id":"ABCDEFGHIJKLMNOPQRSTUVWXYZ"},"queues":[{"name":"\ud800","ok_per_second":1e308}],"schedules":{},"last_error":{},"parking":[{"next":"2026-01-01T00:00:00Z"}],"in_hand":[{"age_ms":-1}],"omitted":-5}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := fleet.DecodeAnnouncement(body)
		if err != nil {
			return
		}
		if len(a.Queues) > fleet.MaxQueues || len(a.InHand) > fleet.MaxInHand || a.Omitted < 0 || a.IntervalMS <= 0 {
			t.Errorf("decoded beyond the bounds: %+v", a)
		}
		again, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		var syntax *json.SyntaxError
		if _, err := fleet.DecodeAnnouncement(again); errors.As(err, &syntax) {
			t.Errorf("what was decoded does not decode again: %v", err)
		}
	})
}
