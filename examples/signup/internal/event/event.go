// Package event names what the sign-up service tells the rest of the world: the
// routing keys of its events, and what each event carries.
package event

import "time"

// Routing keys, on the topic exchange Exchange.
const (
	SignedUpKey      = "user.signed_up"
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
