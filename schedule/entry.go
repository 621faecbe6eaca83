package schedule

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/warren-mq/warren/internal/check"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

// Headers of the message of a tick.
const (
	HeaderName = record.HeaderSchedule // the entry's name
	HeaderTick = record.HeaderTick     // RFC 3339, in the entry's time zone
)

// Policy says what becomes of ticks that were missed because no process was there to
// publish them. A tick is missed when it is later than the entry's Tolerance.
type Policy string

// Policies for missed ticks.
const (
	Once Policy = "once" // the newest of them is published
	Skip Policy = "skip" // none is
	All  Policy = "all"  // all are, the newest MaxMissed of them
)

const (
	defaultTolerance = time.Minute
	defaultMaxMissed = 100
	maxMissed        = 1_000
	maxName          = 200 // bytes: the message id has room for 255
)

// Entry is a schedule and the message that is published at each of its ticks. It is
// plain data.
//
// The message's id is the name, a slash and the tick's time in UTC, such as
// nightly-report/2026-03-29T01:00:00Z, whichever process publishes it; so
// middleware.Dedupe drops a tick that comes twice. Its headers tell the name
// (HeaderName) and the tick (HeaderTick).
type Entry struct {
	// Name identifies the entry, in its group and for ever: what was published last is
	// remembered by it. At most 200 bytes.
	Name string
	// Cron is minute, hour, day of month, month and day of week, with a field for
	// seconds before them if there are six; or @yearly, @monthly, @weekly, @daily,
	// @hourly, or @every and a duration, which ticks at the multiples of it in UTC:
	// @every 15m at :00, :15, :30 and :45.
	//
	// When clocks are set forward, a tick at an hour that is skipped comes when they
	// have been set; when they are set back, a tick at an hour that comes twice comes the
	// first time only. Schedules of every hour (a * for the hour, and @hourly) follow the time that
	// passes instead: no ticks in the hour that is skipped, twice as many in the other.
	Cron string
	// Timezone of Cron, such as Europe/Rome; UTC if empty.
	Timezone string

	// Exchange must exist; empty is the default exchange, whose keys are queue names.
	Exchange string
	Key      string
	// Body is sent as it is if it is []byte, and as JSON otherwise; {} if nil.
	Body any
	// ContentType is application/json if empty, or application/octet-stream for []byte.
	ContentType string
	Headers     message.Headers
	Priority    uint8
	// Confirm has each tick confirmed before the token is written, instead of both in one
	// transaction. Set it if a quorum queue with a length limit takes the ticks: in a
	// transaction, RabbitMQ (tried: 3.10, 4.0, 4.3) drops what a full one refuses, without a
	// word. Then a leader that is killed between the two leaves a tick that comes twice.
	Confirm bool

	// Missed is Once if empty.
	Missed Policy
	// MaxMissed bounds All; 100 if zero, and 1,000 at most.
	MaxMissed int
	// Tolerance is how late a tick may be and still be published for certain, such as
	// after a takeover; 1min if zero.
	Tolerance time.Duration
}

// Validate reports everything that is wrong with e, in one error.
func (e Entry) Validate() error {
	_, err := e.compile()
	return err
}

// Next is the first tick after a moment, in the entry's time zone; zero if there is
// none within five years, or e is not valid.
func (e Entry) Next(after time.Time) time.Time {
	c, err := e.compile()
	if err != nil {
		return time.Time{}
	}
	return c.next(after)
}

// compiled is an entry ready for use.
type compiled struct {
	Entry
	next timetable
	body []byte
}

func (e Entry) compile() (compiled, error) {
	e.Missed = cmp.Or(e.Missed, Once)
	f := e.faults()
	loc, err := location(e.Timezone)
	f.Addf(err != nil, "Timezone %w", err)
	next, err := parse(e.Cron, loc)
	if err == nil && next(time.Now()).IsZero() {
		err = errors.New("it never comes")
	}
	f.Addf(err != nil, "Cron is %q, want five fields such as \"0 3 * * *\", six with seconds, or @daily, @hourly, @every 10m …: %w", e.Cron, err)
	body, kind, err := e.encode()
	f.Addf(err != nil, "Body %w", err)
	e.ContentType = cmp.Or(e.ContentType, kind)
	e.MaxMissed, e.Tolerance = cmp.Or(e.MaxMissed, defaultMaxMissed), cmp.Or(e.Tolerance, defaultTolerance)
	e.Timezone = loc.String()
	return compiled{Entry: e, next: next, body: body}, f.Err()
}

// faults returns what is wrong with the fields by themselves.
func (e Entry) faults() *check.Faults {
	f := check.Of(fmt.Sprintf("schedule: entry %q", e.Name))
	f.Addf(e.Name == "", "Name is empty")
	f.Addf(!utf8.ValidString(e.Name), "Name is not UTF-8")
	f.Addf(strings.ContainsFunc(e.Name, unicode.IsControl), "Name has a control character")
	f.Addf(strings.ContainsFunc(e.Exchange, unicode.IsControl), "Exchange is %q, want no control characters", e.Exchange)
	f.Addf(e.Exchange == "" && e.Key == "", "Key is empty, want a queue's name, or an Exchange")
	for _, text := range []struct {
		field, value string
		most         int
	}{{"Name", e.Name, maxName}, {"Exchange", e.Exchange, 255}, {"Key", e.Key, 255}, {"ContentType", e.ContentType, 255}} {
		f.Addf(len(text.value) > text.most, "%s has %d bytes, want at most %d", text.field, len(text.value), text.most)
	}
	f.Addf(e.Missed != Once && e.Missed != Skip && e.Missed != All, "Missed is %q, want %q, %q or %q", e.Missed, Once, Skip, All)
	f.Addf(e.MaxMissed < 0 || e.MaxMissed > maxMissed, "MaxMissed is %d, want 0 to %d", e.MaxMissed, maxMissed)
	f.Addf(e.MaxMissed != 0 && e.Missed != All, "MaxMissed is %d, and Missed is %q, want %q", e.MaxMissed, e.Missed, All)
	f.Addf(e.Tolerance < 0, "Tolerance is %v, want 0 or more", e.Tolerance)
	return f
}

// location refuses what differs from machine to machine.
func location(name string) (*time.Location, error) {
	if name == "Local" {
		return time.UTC, errors.New("is Local, which differs from machine to machine, want a name such as Europe/Rome")
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC, fmt.Errorf("is %q, want a name such as Europe/Rome: %w", name, err)
	}
	return loc, nil
}

// encode returns the body and its content type.
func (e Entry) encode() (body []byte, kind string, err error) {
	switch b := e.Body.(type) {
	case []byte:
		return bytes.Clone(b), "application/octet-stream", nil
	case nil:
		return []byte("{}"), "application/json", nil
	default:
		body, err = json.Marshal(b)
		return body, "application/json", err
	}
}
