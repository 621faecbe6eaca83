package live

import "time"

// Signup is one sign-up, with how long its visitor waited.
type Signup struct {
	ID    string // of the account, if it is new
	Email string
	At    time.Time
	Took  time.Duration // until the answer
	Sync  bool          // the old way: POST /signup-sync
	Known bool          // the address had an account; the answer must not reveal it
	State State         // of the whole
}

// State is the progress of a sign-up or of one of its branches.
type State string

// The states.
const (
	Waiting  State = "waiting"  // in a queue, or not yet published
	Replayed State = "replayed" // back in its queue, from the dead letters
	Working  State = "working"  // in a handler
	Retrying State = "retrying" // failed, and waits for its next attempt
	Dead     State = "dead"     // dead-lettered
	Done     State = "done"
)

// Journey is a sign-up with its steps, the earliest first.
type Journey struct {
	Signup

	Verified bool // the link of the verification mail was followed
	Steps    []Step
}

// Step is one event of a journey.
type Step struct {
	At      time.Time
	Where   string        // the name of a queue, or "service", "outbox", "mail server"
	What    string        // "saved the account and its event", "sent the welcome mail"
	State   State         // of this branch of the journey from now on
	Attempt int           // from 1; 0 if the step has no attempts
	Took    time.Duration // 0 if the duration is not worth showing
	Detail  string        // the error, or when the next attempt is due
}

// Mail is a mail in the inbox of the catcher.
type Mail struct {
	ID      string
	Number  int // position in the order of arrival, from 1
	At      time.Time
	From    string
	To      string
	Kind    string // the event or worker it comes from: "welcome", "verification", "password reset"
	Subject string
	Text    string
	Links   []string // URLs in the text
	Account string   // the id of the account it is about; empty if unknown
}
