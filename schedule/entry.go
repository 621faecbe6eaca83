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

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/check"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

// Headers of a tick's message.
const (
	HeaderName = record.HeaderSchedule // the entry's name
	HeaderTick = record.HeaderTick     // RFC 3339, in the entry's time zone
)

// Policy selects which missed ticks are published. A tick is missed if no process was
// running to publish it, and it is later than the entry's Tolerance.
type Policy string

// Policies for missed ticks.
const (
	Once Policy = "once" // publish the newest missed tick
	Skip Policy = "skip" // publish no missed tick
	All  Policy = "all"  // publish the newest MaxMissed missed ticks
)

const (
	defaultTolerance = time.Minute
	defaultMaxMissed = 100
	maxMissed        = 1_000
	maxName          = 200 // in bytes, because a message id, which adds the time, has at most 255
)

// Entry is a schedule and the message that is published at each of its ticks. It is
// plain data.
//
// The message id is the name, a slash and the tick's time in UTC, such as
// nightly-report/2026-03-29T01:00:00Z. It does not depend on the process that publishes
// the tick, so middleware.Dedupe drops a tick that is published twice. The headers
// HeaderName and HeaderTick contain the name and the tick.
type Entry struct {
	// Name identifies the entry in its group, at most 200 bytes. Do not change it: the
	// last tick published is recorded under this name.
	Name string
	// Cron has five fields: minute, hour, day of month, month and day of week. With six
	// fields, the first is the second. It may also be @yearly, @monthly, @weekly, @daily,
	// @hourly, or @every and a duration. The ticks of @every are the multiples of the
	// duration in UTC: @every 15m ticks at :00, :15, :30 and :45.
	//
	// When clocks are set forward, a tick in the skipped hour is published right after the
	// change. When clocks are set back, a tick in the repeated hour is published the first
	// time only. Schedules of every hour (a * for the hour, and @hourly) follow elapsed
	// time instead: they have no ticks in the skipped hour, and tick again in the repeated
	// hour.
	Cron string
	// Timezone is the time zone of Cron, such as Europe/Rome. Empty means UTC.
	Timezone string

	// Exchange must exist. Empty means the default exchange, whose keys are queue names.
	Exchange string
	Key      string
	// Body is sent unchanged if it is a []byte, and as JSON otherwise. Nil means {}.
	Body any
	// ContentType is the content type of Body. Empty means application/octet-stream for a
	// []byte, and application/json otherwise.
	ContentType string
	// Codec encodes the bytes of Body for each message, for example to seal them. Nil means
	// that they are sent as they are. After an error the tick is published later.
	Codec handler.Codec
	// Headers are added to each message. Headers that Warren or RabbitMQ writes itself are
	// dropped, as by broker.WithHeader.
	Headers  message.Headers
	Priority uint8
	// Confirm publishes each tick with a publisher confirm and then writes the token,
	// instead of both in one transaction. Set it if a quorum queue with a length limit
	// takes the ticks: in a transaction, RabbitMQ (tried: 3.10, 4.0, 4.3) drops messages
	// that a full queue rejects, without an error. With Confirm, a tick is published twice
	// if the leader is killed between the confirm and the token.
	Confirm bool

	// Missed selects which missed ticks are published. The default is Once.
	Missed Policy
	// MaxMissed is the highest number of missed ticks that All publishes, 1 to 1,000. Zero
	// means 100.
	MaxMissed int
	// Tolerance is how late a tick may be, for example after a takeover, before it counts
	// as missed. Zero means 1 min.
	Tolerance time.Duration
}

// Validate returns all faults of e in one error.
func (e Entry) Validate() error {
	_, err := e.compile()
	return err
}

// Next returns the first tick after the given time, in the entry's time zone. It returns
// the zero time if no tick comes within five years or e is not valid.
func (e Entry) Next(after time.Time) time.Time {
	c, err := e.compile()
	if err != nil {
		return time.Time{}
	}
	return c.next(after)
}

// compiled is a validated entry with its timetable and encoded body.
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
		err = errors.New("it has no tick within five years")
	}
	f.Addf(err != nil, "Cron is %q, want five fields such as \"0 3 * * *\", six with seconds, or @daily, @hourly, @every 10m …: %w", e.Cron, err)
	body, kind, err := e.encode()
	f.Addf(err != nil, "Body %w", err)
	e.ContentType = cmp.Or(e.ContentType, kind)
	e.MaxMissed, e.Tolerance = cmp.Or(e.MaxMissed, defaultMaxMissed), cmp.Or(e.Tolerance, defaultTolerance)
	e.Timezone = loc.String()
	return compiled{Entry: e, next: next, body: body}, f.Err()
}

// faults returns the faults of single fields.
func (e Entry) faults() *check.Faults {
	f := check.Of(fmt.Sprintf("schedule: entry %q", e.Name))
	f.Addf(e.Name == "", "Name is empty, want a name")
	f.Addf(!utf8.ValidString(e.Name), "Name is not UTF-8")
	f.Addf(strings.ContainsFunc(e.Name, unicode.IsControl), "Name has a control character")
	f.Addf(strings.ContainsFunc(e.Exchange, unicode.IsControl), "Exchange is %q, want no control characters", e.Exchange)
	f.Addf(e.Exchange == "" && e.Key == "", "Exchange and Key are empty, want a queue's name in Key, or an Exchange")
	for _, text := range []struct {
		field, value string
		most         int
	}{{"Name", e.Name, maxName}, {"Exchange", e.Exchange, 255}, {"Key", e.Key, 255}, {"ContentType", e.ContentType, 255}} {
		f.Addf(len(text.value) > text.most, "%s has %d bytes, want at most %d", text.field, len(text.value), text.most)
	}
	f.Addf(e.Missed != Once && e.Missed != Skip && e.Missed != All, "Missed is %q, want %q, %q or %q", e.Missed, Once, Skip, All)
	f.Addf(e.MaxMissed < 0 || e.MaxMissed > maxMissed, "MaxMissed is %d, want 0 to %d", e.MaxMissed, maxMissed)
	f.Addf(e.MaxMissed != 0 && e.Missed != All, "MaxMissed is %d and Missed is %q, want Missed to be %q or no MaxMissed", e.MaxMissed, e.Missed, All)
	f.Addf(e.Tolerance < 0, "Tolerance is %v, want 0 or more", e.Tolerance)
	return f
}

// location loads a time zone. It rejects Local, which differs from machine to machine.
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
