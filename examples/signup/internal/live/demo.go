// Package live shows the sign-up demo in a browser: what the exchange, the queues,
// the workers and the mail server are doing now, the way of one sign-up, and the
// inbox; with buttons that cause trouble and mend it.
package live

import (
	"context"
	"time"
)

// Demo is what the pages show and act on. It is called by many requests at once.
type Demo interface {
	// Snapshot returns the state now, and does not change what it has returned. Each
	// open page asks twice a second, so it answers from memory.
	Snapshot() Snapshot

	// Journey returns what became of a sign-up so far, and false if there is none
	// with this id.
	Journey(id string) (Journey, bool)

	// Inbox returns the latest mails first, limit at most; those to the address if to
	// is not empty.
	Inbox(to string, limit int) []Mail

	// Mail returns one mail of the inbox, and false if there is none with this id.
	Mail(id string) (Mail, bool)

	// Do acts, and says in a sentence what it has done or begun ("Signing up 10,000
	// people."). What takes longer than a second goes on after it has returned, and
	// stands in Snapshot.Doing. The text of an error is shown.
	Do(ctx context.Context, a Action) (said string, err error)
}

// Verb is what an Action does.
type Verb string

// The verbs, each with the fields of the Action that it reads.
const (
	SignUp         Verb = "sign-up"         // Count people, each with a request to POST /signup
	SignUpSync     Verb = "sign-up-sync"    // Count people, one after the other, to POST /signup-sync
	MendMail       Verb = "mend-mail"       // the mail server answers at once, and bounces nobody
	SlowMail       Verb = "slow-mail"       // it takes two seconds a mail
	StopMail       Verb = "stop-mail"       // it takes no connections
	Bounce         Verb = "bounce"          // it refuses Address for good
	FloodAndReset  Verb = "flood-and-reset" // Count welcome mails, then one password reset
	KillConnection Verb = "kill-connection" // the workers' connections to the broker are cut
	Scale          Verb = "scale"           // Queue gets Concurrency hands
	Replay         Verb = "replay"          // the dead letters of Queue go back to it; of all queues if empty
	Cancel         Verb = "cancel"          // what still goes on ends where it is
)

// Action is a button that was pressed.
type Action struct {
	Verb        Verb
	Count       int    // 1 to 10,000
	Address     string // an e-mail address, not yet validated
	Queue       string // the name of a queue in the Snapshot
	Concurrency int    // 1 to 32
}

// Snapshot is the state of the demo at one moment.
type Snapshot struct {
	At         time.Time
	Broker     Broker
	Outbox     Outbox
	Exchange   Exchange
	Queues     []Queue // in the order in which they are drawn
	MailServer MailServer
	NewWay     Latency  // of POST /signup
	OldWay     Latency  // of POST /signup-sync
	Recent     []Signup // the latest first, ten at most
	Reset      *Reset   // the last password reset behind a flood; nil before the first
	Doing      string   // what still goes on ("Signing up: 3,412 of 10,000."); empty if nothing
	Ended      string   // what came of what went on last ("Signed up 10,000 people."); empty before the first
}

// Broker is the connection of the workers.
type Broker struct {
	Name      string // "embedded broker", "RabbitMQ 4.3"
	Connected bool
	Losses    int // how often it was lost since the start
}

// Outbox is the table that the service writes its events to.
type Outbox struct {
	Waiting   int           // events that are committed, and not yet published
	Oldest    time.Duration // how long the oldest has been waiting
	Published int64         // since the start
}

// Exchange is where the relay of the outbox publishes.
type Exchange struct {
	Name string
	Type string  // "topic"
	Rate float64 // messages a second, of late
}

// Queue is a work queue with the pool that works on it, its retries and its
// dead-letter queue.
type Queue struct {
	Name        string
	What        string   // what its worker does, in a few words ("sends the welcome mail")
	Bindings    []string // routing keys and patterns
	MaxPriority int      // 0 if it has no priorities
	SendsMail   bool     // its worker needs the mail server
	Ready       int      // messages that wait for a worker
	InHand      int      // messages in a handler now
	Concurrency int
	Rate        float64 // messages done a second, of late
	Done        int64   // since the start
	Retrying    int     // messages that wait for their next attempt
	DeadQueue   string  // the name of the dead-letter queue
	Dead        int     // messages in it
}

// MailServer is the state of the mail server.
type MailServer struct {
	// Elsewhere is the host of a server that is not the demo's own: it obeys no button,
	// and its mails are not in the inbox. Mode, Delay and Bounces say nothing then.
	Elsewhere string

	Mode     MailMode
	Delay    time.Duration // a mail takes this long
	Accepted int64         // mails since the start
	Failed   int64         // attempts that failed since the start
	Bounces  []string      // addresses refused for good
}

// MailMode is what a mail server does to those who connect.
type MailMode string

// The modes.
const (
	MailWell    MailMode = "well"
	MailSlow    MailMode = "slow"
	MailStopped MailMode = "stopped"
)

// Latency is how long answers to a sign-up took, of late.
type Latency struct {
	Count    int // answers that the figures rest on; 0 says that there are none
	P50, P99 time.Duration
}

// Reset is what became of a password reset that was published behind a flood.
type Reset struct {
	Flood    int           // mails that were waiting when it was published
	Position int           // its place among the mails delivered from then on, from 1; 0 while it is under way
	Took     time.Duration // from publish to delivery
}
