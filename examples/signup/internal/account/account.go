// Package account is what the sign-up service remembers: who signed up. An account
// and the event about it are one transaction.
package account

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits of what is accepted: of the address in bytes (RFC 5321), of the others in
// characters.
const (
	MaxEmail    = 254
	MaxName     = 100
	MinPassword = 10
	MaxPassword = 200
)

// Account is somebody who signed up.
type Account struct {
	ID           string
	Email        string
	Name         string
	PasswordHash string
	CreatedAt    time.Time
	VerifiedAt   time.Time // zero until the link of the verification mail was followed
}

// Stamp changes with the password, and tells nothing about it.
func (a Account) Stamp() string {
	sum := sha256.Sum256([]byte(a.PasswordHash))
	return hex.EncodeToString(sum[:8])
}

// Input is what somebody signs up with.
type Input struct {
	Email    string `json:"email"`
	Name     string `json:"name"`
	Password string `json:"password"`
}

// InputError says what is wrong with each field of an Input, in a sentence. Fields that
// are right are empty.
type InputError struct{ Email, Name, Password string }

// Error joins the faults.
func (f *InputError) Error() string {
	return strings.Join(strings.Fields("account: "+f.Email+" "+f.Name+" "+f.Password), " ")
}

// Validate returns everything that is wrong with in, or nil.
func (in Input) Validate() *InputError {
	f := InputError{emailFault(in.Email), nameFault(in.Name), PasswordFault(in.Password)}
	if f == (InputError{}) {
		return nil
	}
	return &f
}

func emailFault(email string) string {
	switch address, err := mail.ParseAddress(email); {
	case email == "":
		return "The e-mail address is missing."
	case len(email) > MaxEmail:
		return fmt.Sprintf("The e-mail address has %d bytes, want at most %d.", len(email), MaxEmail)
	case err != nil:
		return fmt.Sprintf("%.60q is no e-mail address.", email)
	case address.Address != email: // "Alice <alice@example.com>", or spaces around it
		return fmt.Sprintf("Want the bare address, %s.", address.Address)
	}
	return ""
}

func nameFault(name string) string {
	switch n := utf8.RuneCountInString(name); {
	case strings.TrimSpace(name) == "":
		return "The name is missing."
	case n > MaxName:
		return fmt.Sprintf("The name has %d characters, want at most %d.", n, MaxName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl): // it goes into mails
		return "The name has characters that cannot be shown."
	}
	return ""
}

// PasswordFault says what is wrong with the password, or nothing.
func PasswordFault(password string) string {
	switch n := utf8.RuneCountInString(password); {
	case password == "":
		return "The password is missing."
	case n < MinPassword || n > MaxPassword:
		return fmt.Sprintf("The password has %d characters, want %d to %d.", n, MinPassword, MaxPassword)
	}
	return ""
}

// New returns an account with a fresh id for an input that is valid.
func New(in Input, passwordHash string) Account {
	return Account{
		ID: rand.Text(), Email: in.Email, Name: strings.TrimSpace(in.Name),
		PasswordHash: passwordHash, CreatedAt: time.Now().UTC().Truncate(time.Millisecond),
	}
}
