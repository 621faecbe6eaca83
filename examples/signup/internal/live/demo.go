// Package live serves the pages of the sign-up demo: the current state of the exchange, the
// queues, the workers and the mail server, the journey of each sign-up, and the inbox. Buttons
// on the live page cause failures and end them.
package live

import (
	"context"
	"time"
)

// Demo provides the state that the pages show, and the actions of their buttons. Its methods
// must be safe for concurrent use.
type Demo interface {
	// Snapshot returns the current state. The implementation must not change a returned
	// snapshot. Each open page calls it twice a second, so it should answer from memory.
	Snapshot() Snapshot

	// Journey returns the journey of a sign-up so far. It returns false if the id is unknown.
	Journey(id string) (Journey, bool)

	// Inbox returns at most limit mails, the latest first. If to is not empty, it returns only
	// the mails to that address.
	Inbox(to string, limit int) []Mail

	// Mail returns one mail of the inbox. It returns false if the id is unknown.
	Mail(id string) (Mail, bool)

	// Do runs an action, and returns a sentence about what it has done or started ("Signing up
	// 10,000 people."). An action that takes longer than a second continues in the background,
	// with its progress in Snapshot.Doing. The page shows the text of an error.
	Do(ctx context.Context, a Action) (result string, err error)
}

// Verb selects what an Action does.
type Verb string

// The verbs. Each comment names the fields of the Action that the verb reads.
const (
	SignUp         Verb = "sign-up"         // signs up Count people by POST /signup
	SignUpSync     Verb = "sign-up-sync"    // signs up Count people by POST /signup-sync, one after the other
	FixMail        Verb = "fix-mail"        // the mail server answers immediately and accepts every address
	SlowMail       Verb = "slow-mail"       // the mail server takes two seconds per mail
	StopMail       Verb = "stop-mail"       // the mail server refuses connections
	Bounce         Verb = "bounce"          // the mail server refuses Address permanently
	FloodAndReset  Verb = "flood-and-reset" // publishes Count welcome mails, then one password reset
	KillConnection Verb = "kill-connection" // cuts the workers' connections to the broker
	Scale          Verb = "scale"           // sets the concurrency of Queue to Concurrency
	Replay         Verb = "replay"          // replays the dead letters of Queue, or of all queues if it is empty
	Cancel         Verb = "cancel"          // stops the action that is still running
	Play           Verb = "play"            // plays Chapter, or all chapters if it is 0
)

// Action is the action of a button.
type Action struct {
	Verb        Verb
	Count       int    // 1 to 10,000
	Address     string // an e-mail address, not yet validated
	Queue       string // the name of a queue in the Snapshot
	Concurrency int    // 1 to 32
	Chapter     int    // 1 to Chapters
}

// Chapters is the number of chapters of the story that the live page plays.
const Chapters = 5

// Chapter is a step of the story that the live page plays.
type Chapter struct {
	Title   string // what it does, on its button ("Stop the mail server")
	About   string // what it shows, as a sentence
	Result  string // what was measured when it was played last, as a sentence; empty before
	Playing bool
	Bad     bool // it was played, and failed
}

// Snapshot is the state of the demo at one moment.
type Snapshot struct {
	At         time.Time
	Broker     Broker
	Outbox     Outbox
	Exchange   Exchange
	Queues     []Queue // in the order of the page
	MailServer MailServer
	NewWay     Latency  // of POST /signup
	OldWay     Latency  // of POST /signup-sync
	Recent     []Signup // the latest first, at most ten
	Story      []Chapter
	Reset      *Reset // the last password reset behind a flood; nil before the first
	Doing      string // the progress of the running action ("Signing up: 3,412 of 10,000."); empty if none is running
	Ended      string // the result of the last such action ("Signed up 10,000 people."); empty before the first
}

// Broker is the state of the workers' connection to the broker.
type Broker struct {
	Name      string // "embedded broker", "RabbitMQ 4.3"
	Connected bool
	Losses    int  // lost connections since the start
	Cut       *Cut // the last time that the button cut the connections; nil before the first
}

// Cut is what happened after the connections to the broker were cut.
type Cut struct {
	Reconnected time.Duration // until the workers' connection was open again; 0 until then
	InHand      int           // messages that were in handlers at the cut
	Outstanding int           // those of them whose outcome has not reached the broker yet
}

// Outbox is the state of the table that the service writes its events to.
type Outbox struct {
	Waiting   int           // events that are committed and not yet published
	Oldest    time.Duration // age of the oldest of these
	Published int64         // since the start
}

// Exchange is the exchange that the relay of the outbox publishes to.
type Exchange struct {
	Name string
	Type string  // "topic"
	Rate float64 // recent messages per second
}

// Queue is the state of a work queue, its pool, its retries and its dead-letter queue.
type Queue struct {
	Name        string
	What        string   // what its worker does ("sends the welcome mail")
	Bindings    []string // routing keys and patterns
	MaxPriority int      // 0 for a queue without priorities
	SendsMail   bool     // its worker needs the mail server
	Ready       int      // messages that wait for delivery
	InHand      int      // messages in handlers
	Concurrency int
	Rate        float64 // recent messages finished per second
	Done        int64   // messages finished since the start
	Retrying    int     // messages that wait for their next attempt
	DeadQueue   string  // name of the dead-letter queue
	Dead        int     // messages in the dead-letter queue
}

// MailServer is the state of the mail server.
type MailServer struct {
	// Elsewhere is the host of an external mail server, or empty for the demo's own. Buttons
	// do not control an external server, its mails are not in the inbox, and Mode, Delay and
	// Bounces are unused.
	Elsewhere string

	Mode     MailMode
	Delay    time.Duration // per mail
	Accepted int64         // mails since the start
	Failed   int64         // attempts that failed since the start
	Bounces  []string      // addresses refused permanently
}

// MailMode is how a mail server treats connections.
type MailMode string

// The modes.
const (
	MailHealthy MailMode = "healthy"
	MailSlow    MailMode = "slow"
	MailStopped MailMode = "stopped"
)

// Latency is how long recent answers to a sign-up took.
type Latency struct {
	Count    int // answers that the percentiles are computed from; 0 if there were none
	P50, P99 time.Duration
}

// Reset is the outcome of a password reset that was published behind a flood.
type Reset struct {
	Flood    int           // mails that were waiting when it was published
	Position int           // its position among the mails delivered from then on, from 1; 0 until it is delivered
	Took     time.Duration // from publish to delivery
}
