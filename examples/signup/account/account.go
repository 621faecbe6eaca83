// Package account is what the sign-up service remembers: who signed up, and what
// the workers have done about it.
package account

import (
	"crypto/rand"
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits of what is accepted: of the address in bytes (RFC 5321), of the name in
// characters.
const (
	MaxEmail = 254
	MaxName  = 100
)

// Account is somebody who signed up.
type Account struct {
	ID        string    `json:"id"`
	Email     string    `json:"email"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
	Work      []Step    `json:"work"` // in the order it happened
}

// Step is one attempt of one worker at one event of the account.
type Step struct {
	Queue   string `json:"queue"`
	Event   string `json:"event"` // its routing key
	Attempt int    `json:"attempt"`
	Outcome string `json:"outcome"` // ack, retry, dead-letter, discard or release
	Error   string `json:"error,omitempty"`
}

// New returns an account with a fresh id, or an error that says what is wrong with
// the address or the name.
func New(email, name string) (Account, error) {
	name = strings.TrimSpace(name)
	switch address, err := mail.ParseAddress(email); {
	case len(email) > MaxEmail:
		return Account{}, fmt.Errorf("account: the email has %d bytes, want at most %d", len(email), MaxEmail)
	case err != nil:
		return Account{}, fmt.Errorf("account: the email is %q, want an address: %w", email, err)
	case address.Address != email: // "Alice <alice@example.com>", or spaces around it
		return Account{}, fmt.Errorf("account: the email is %q, want the bare address %q", email, address.Address)
	case name == "":
		return Account{}, fmt.Errorf("account: the name is empty, want 1 to %d characters", MaxName)
	case utf8.RuneCountInString(name) > MaxName:
		return Account{}, fmt.Errorf("account: the name has %d characters, want at most %d", utf8.RuneCountInString(name), MaxName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl): // it goes into mails
		return Account{}, fmt.Errorf("account: the name is %q, want text without control characters", name)
	}
	return Account{ID: rand.Text(), Email: email, Name: name, CreatedAt: time.Now().UTC()}, nil
}

// Done returns the attempt in which queue handled the event, or 0 if it has not.
func (a Account) Done(queue, event string) (attempt int) {
	for _, s := range a.Work {
		if s.Queue == queue && s.Event == event && s.Outcome == "ack" {
			return s.Attempt
		}
	}
	return 0
}

// Dead says whether queue has given up on an event of the account.
func (a Account) Dead(queue string) bool {
	for _, s := range a.Work {
		if s.Queue == queue && s.Outcome == "dead-letter" {
			return true
		}
	}
	return false
}
