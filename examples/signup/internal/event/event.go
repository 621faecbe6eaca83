// Package event defines the events that the sign-up service publishes: their routing keys
// and bodies.
package event

import "time"

// Routing keys, on the topic exchange Exchange.
const (
	SignedUpKey      = "user.signed_up"
	SignUpKnownKey   = "email.sign_up_known"
	PasswordResetKey = "email.password_reset"
)

// Exchange is the name of the topic exchange for all events, without the prefix.
const Exchange = "events"

// SignedUp is published when an account is created.
type SignedUp struct {
	AccountID string    `json:"account_id"`
	Email     string    `json:"email"`
	Name      string    `json:"name"`
	At        time.Time `json:"at"`
}

// SignUpKnown is published when somebody signs up with the address of an existing account.
// Its owner gets a mail about it; the answer to the visitor does not reveal it.
type SignUpKnown struct {
	ID    string    `json:"id"`    // of the sign-up
	Email string    `json:"email"` // of the account, as its owner entered it
	Name  string    `json:"name"`  // of the account
	At    time.Time `json:"at"`
}

// PasswordReset is published when somebody requests a new password. AccountID is empty if no
// account has the address that was entered.
type PasswordReset struct {
	ID        string    `json:"id"` // of the request
	AccountID string    `json:"account_id"`
	Email     string    `json:"email"`
	Name      string    `json:"name"`
	Stamp     string    `json:"stamp"` // of the current password: the link works once
	At        time.Time `json:"at"`
}
