// Package event names what the sign-up service tells the rest of the world: the
// routing keys of its events, and what each event carries.
package event

import "time"

// Routing keys, on the topic exchange Exchange.
const (
	SignedUpKey      = "user.signed_up"
	SignUpKnownKey   = "email.sign_up_known"
	PasswordResetKey = "email.password_reset"
)

// Exchange is where all events are published, before any prefix.
const Exchange = "events"

// SignedUp says that somebody has signed up.
type SignedUp struct {
	AccountID string    `json:"account_id"`
	Email     string    `json:"email"`
	Name      string    `json:"name"`
	At        time.Time `json:"at"`
}

// SignUpKnown says that somebody has signed up with the address of an account. Its
// owner is told by mail, and the visitor is not.
type SignUpKnown struct {
	ID    string    `json:"id"`    // of the sign-up
	Email string    `json:"email"` // of the account, as its owner wrote it
	Name  string    `json:"name"`  // of the account
	At    time.Time `json:"at"`
}

// PasswordReset says that somebody wants to set a new password. It names nobody if
// there is no account with the address that was given.
type PasswordReset struct {
	ID        string    `json:"id"` // of the request
	AccountID string    `json:"account_id"`
	Email     string    `json:"email"`
	Name      string    `json:"name"`
	Stamp     string    `json:"stamp"` // of the password until now: the link is good once
	At        time.Time `json:"at"`
}
