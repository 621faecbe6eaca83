package fleet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/warren-mq/warren/topology"
)

// Exchange is the topic exchange to which processes announce themselves.
const Exchange = "warren.fleet"

// QueuePrefix begins the names of the queues of listeners.
const QueuePrefix = Exchange + "."

// Topology returns Exchange.
func Topology() topology.Topology {
	return topology.Topology{Exchanges: []topology.Exchange{{Name: Exchange, Kind: "topic"}}}
}

// Interval is the time between two announcements of a process.
const Interval = 3 * time.Second

// Format is the version of the messages. A receiver ignores fields that it does not have,
// and refuses messages of another version.
const Format = 1

// Kinds of announcements, which are also their routing keys.
const (
	KindState   = "state"   // the state of a process
	KindGoodbye = "goodbye" // the process has stopped
	KindCommand = "command" // a process has executed or refused a command
)

// Announcement is what a process says about itself.
type Announcement struct {
	Format     int        `json:"format"`
	Kind       string     `json:"kind"`
	Process    Process    `json:"process"`
	IntervalMS int64      `json:"interval_ms"` // until the next announcement
	Ready      bool       `json:"ready"`
	Reasons    []string   `json:"reasons,omitempty"` // why it is not ready
	Queues     []Queue    `json:"queues,omitempty"`
	Parking    []Parking  `json:"parking,omitempty"`
	Limits     []Limit    `json:"limits,omitempty"`
	InHand     []InHand   `json:"in_hand,omitempty"` // the messages in hand for longest
	LastError  *Failure   `json:"last_error,omitempty"`
	Schedules  *Schedules `json:"schedules,omitempty"`
	Executed   *Executed  `json:"executed,omitempty"` // of KindCommand
	Omitted    int        `json:"omitted,omitempty"`  // queues and messages beyond the limits
}

// Process identifies a process.
type Process struct {
	ID      string    `json:"id"` // random
	Host    string    `json:"host"`
	PID     int       `json:"pid"`
	Program string    `json:"program,omitempty"`
	Version string    `json:"version,omitempty"` // of the program
	Warren  string    `json:"warren,omitempty"`
	Started time.Time `json:"started"`
}

// Queue is the state of a work queue in a process. Rates are per second, over the time since
// the last announcement.
type Queue struct {
	Name        string  `json:"name"`
	DeadLetters string  `json:"dead_letter_queue,omitempty"` // empty if there is none
	State       string  `json:"state"`
	Error       string  `json:"error,omitempty"`
	Concurrency int     `json:"concurrency"`
	Prefetch    int     `json:"prefetch"`
	InHand      int     `json:"in_hand"`
	Overdue     int     `json:"overdue,omitempty"` // handlers that ignore their timeout
	OK          float64 `json:"ok_per_second"`
	Retry       float64 `json:"retry_per_second"`
	Dead        float64 `json:"dead_per_second"`

	// Partitions is the number of partitions of the queue, and Consumes are those that the process
	// consumes. Concurrency and Prefetch are of all of these together.
	Partitions int   `json:"partitions,omitempty"`
	Consumes   []int `json:"consumes,omitempty"`

	// AdaptiveLimit is the present adaptive limit of messages handled at a time, or 0 if there is
	// none. Breaker is the worst state of the circuit breakers, or empty if there is none.
	AdaptiveLimit  int    `json:"adaptive_limit,omitempty"`
	Breaker        string `json:"breaker,omitempty"`
	BreakerWaiting int    `json:"breaker_waiting,omitempty"` // messages that wait for the breakers

	// Settled is when the newest of the settled messages was published. What waits in a queue
	// without priorities was published later.
	Settled time.Time `json:"settled_published,omitzero"`
}

// Limit is a limit that the process shares with others.
type Limit struct {
	Name    string `json:"name"` // with .rate, if it is a rate
	Slots   int    `json:"slots"`
	Held    int    `json:"held"`    // slots of the process, whether handlers use them or not
	Waiting int    `json:"waiting"` // messages that wait for a slot
}

// Parking is a parking queue that a process consumes.
type Parking struct {
	Queue string    `json:"queue"`
	Held  int       `json:"held"`
	Next  time.Time `json:"next,omitzero"` // when the first message is due
	Error string    `json:"error,omitempty"`
}

// InHand is a message that a process handles.
type InHand struct {
	ID        string `json:"id"`
	Queue     string `json:"queue"`
	Handler   string `json:"handler"`
	Key       string `json:"key"`
	Attempt   int    `json:"attempt"`
	AgeMS     int64  `json:"age_ms"`
	Cancelled string `json:"cancelled,omitempty"` // the user that has cancelled it
	// Progress is the part of the work that is done, from 0 to 1, as the handler says.
	Progress float64 `json:"progress,omitempty"`
}

// Failure is the last error of a process.
type Failure struct {
	At    time.Time `json:"at"`
	Queue string    `json:"queue"`
	ID    string    `json:"id,omitempty"`
	Error string    `json:"error"`
}

// Schedules is the state of a scheduler in a process.
type Schedules struct {
	Group   string    `json:"group"`
	Role    string    `json:"role"`
	Last    time.Time `json:"last,omitzero"` // the last tick that the process has published
	Reasons []string  `json:"reasons,omitempty"`
}

// Executed is a command that a process has received.
type Executed struct {
	By      string  `json:"by"` // the user, as RabbitMQ has verified it
	Command Command `json:"command"`
	Result  string  `json:"result,omitempty"`
	Error   string  `json:"error,omitempty"`
}

// Commands.
const (
	Pause    = "pause"     // Queue, Absent
	Resume   = "resume"    // Queue
	Scale    = "scale"     // Queue, Concurrency
	LogLevel = "log-level" // Level
	Drain    = "drain"
	Cancel   = "cancel" // ID, Verdict
	Stacks   = "stacks" // ID or none, which means all messages in hand

	DelayList   = "delay-list"    // Queue, Offset, Limit
	DelayShow   = "delay-show"    // Queue, ID
	DelayRun    = "delay-run-now" // Queue, ID
	DelayCancel = "delay-cancel"  // Queue, ID

	ScheduleRun = "schedule-run-now" // Group, Schedule
)

// Verdicts of Cancel.
const (
	VerdictRetry      = "retry"
	VerdictDeadLetter = "dead-letter"
)

// Command asks a process to do something.
type Command struct {
	Format      int    `json:"format"`
	Name        string `json:"name"`
	Queue       string `json:"queue,omitempty"`
	Absent      bool   `json:"absent,omitempty"` // do not declare the queue either until it is resumed
	Concurrency int    `json:"concurrency,omitempty"`
	ID          string `json:"id,omitempty"`
	Verdict     string `json:"verdict,omitempty"`
	Level       string `json:"level,omitempty"`
	Offset      int    `json:"offset,omitempty"`
	Limit       int    `json:"limit,omitempty"`
	Group       string `json:"group,omitempty"`    // of schedulers
	Schedule    string `json:"schedule,omitempty"` // the name of an entry

	By string `json:"-"` // the user, as RabbitMQ has verified it
}

// Answer is the answer of a process to a command.
type Answer struct {
	Format  int      `json:"format"`
	Error   string   `json:"error,omitempty"`   // empty if the command was executed
	Unknown bool     `json:"unknown,omitempty"` // the process does not have the queue or message
	Result  string   `json:"result,omitempty"`
	Stacks  []Stack  `json:"stacks,omitempty"`
	Delays  *Delays  `json:"delays,omitempty"`
	Delayed *Delayed `json:"delayed,omitempty"`

	// Goroutines are the stacks of all goroutines by number, once a source has taken them. All
	// goroutines stand still meanwhile, so the other sources use the same ones.
	Goroutines map[int]string `json:"-"`
}

// Stack is the stack of the goroutine that handles a message.
type Stack struct {
	InHand
	Stack string `json:"stack"`
}

// Delays is a page of the messages that wait in a parking queue's keeper, by due time.
type Delays struct {
	Queue    string    `json:"queue"` // the parking queue
	Held     int       `json:"held"`
	Flying   int       `json:"in_flight"` // messages that are being published
	Messages []Delayed `json:"messages,omitempty"`
}

// Delayed is a message that waits until it is due.
type Delayed struct {
	ID       string         `json:"id"`
	Exchange string         `json:"exchange"`
	Key      string         `json:"key"`
	Due      time.Time      `json:"due"`
	Attempt  int            `json:"attempt"`
	Bytes    int            `json:"bytes"`
	For      string         `json:"waits_for"` // "due", "target" or "level"
	Headers  map[string]any `json:"headers,omitempty"`
	Body     []byte         `json:"body,omitempty"`
	Clipped  bool           `json:"clipped,omitempty"` // Body is the beginning of the body
}

// errFormat is returned for messages that are not valid.
var errFormat = errors.New("fleet: the message is not valid")

// decode decodes a JSON message of at most limit bytes into v.
func decode(body []byte, limit int, v any) error {
	if len(body) > limit {
		return fmt.Errorf("%w: it has %d bytes, want at most %d", errFormat, len(body), limit)
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("%w: %w", errFormat, err)
	}
	return nil
}

// encode returns v as JSON. It fails if that has more than limit bytes.
func encode(v any, limit int) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("fleet: encode a message: %w", err)
	}
	if b.Len() > limit {
		return nil, fmt.Errorf("fleet: encode a message: it has %d bytes, want at most %d", b.Len(), limit)
	}
	return b.Bytes(), nil
}

// DecodeAnnouncement decodes an announcement that anyone may have published.
func DecodeAnnouncement(body []byte) (*Announcement, error) {
	a := new(Announcement)
	if err := decode(body, MaxAnnouncement, a); err != nil {
		return nil, err
	}
	switch a.Kind {
	case KindState, KindGoodbye, KindCommand:
	default:
		return nil, fmt.Errorf("%w: its kind is %.40q", errFormat, a.Kind)
	}
	switch {
	case a.Format != Format:
		return nil, fmt.Errorf("%w: its format is %d, want %d", errFormat, a.Format, Format)
	case !isProcessID(a.Process.ID):
		return nil, fmt.Errorf("%w: it has no process id", errFormat)
	case a.Kind == KindCommand && a.Executed == nil:
		return nil, fmt.Errorf("%w: it has no command", errFormat)
	}
	a.bound()
	return a, nil
}

// isProcessID reports whether id has the form of rand.Text.
func isProcessID(id string) bool {
	return len(id) == idBytes && strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

const idBytes = 26
