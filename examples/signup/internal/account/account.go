// Package account stores the accounts of the sign-up service. An account and the event
// about it are saved in one transaction.
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

// Limits of the input: MaxEmail is in bytes (RFC 5321), the others are in characters.
const (
	MaxEmail    = 254
	MaxName     = 100
	MinPassword = 10
	MaxPassword = 200
)

// Account is the account of a person who signed up.
type Account struct {
	ID           string
	Email        string
	Name         string
	PasswordHash string
	CreatedAt    time.Time
	VerifiedAt   time.Time // zero until the link of the verification mail was followed
}

// Stamp returns a hash of the password hash. It changes with the password and does not
// reveal it.
func (a Account) Stamp() string {
	sum := sha256.Sum256([]byte(a.PasswordHash))
	return hex.EncodeToString(sum[:8])
}

// Input holds the fields of a sign-up.
type Input struct {
	Email    string `json:"email"`
	Name     string `json:"name"`
	Password string `json:"password"`
}

// InputError holds, for each invalid field of an Input, a sentence about what is wrong.
// The fields of valid inputs are empty.
type InputError struct{ Email, Name, Password string }

// Error returns the sentences of all invalid fields, joined.
func (f *InputError) Error() string {
	return strings.Join(strings.Fields("account: "+f.Email+" "+f.Name+" "+f.Password), " ")
}

// Validate returns what is wrong with every invalid field of in, or nil.
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
		return fmt.Sprintf("%.60q is not an e-mail address.", email)
	case address.Address != email: // "Alice <alice@example.com>", or spaces around it
		return fmt.Sprintf("Enter the address alone: %s.", address.Address)
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
		return "The name contains characters that cannot be shown."
	}
	return ""
}

// PasswordFault returns a sentence about what is wrong with the password, or "".
func PasswordFault(password string) string {
	switch n := utf8.RuneCountInString(password); {
	case password == "":
		return "The password is missing."
	case n < MinPassword || n > MaxPassword:
		return fmt.Sprintf("The password has %d characters, want %d to %d.", n, MinPassword, MaxPassword)
	}
	return ""
}

// New returns an account with a new id for a valid input.
func New(in Input, passwordHash string) Account {
	return Account{
		ID: rand.Text(), Email: in.Email, Name: strings.TrimSpace(in.Name),
		PasswordHash: passwordHash, CreatedAt: time.Now().UTC().Truncate(time.Millisecond),
	}
}
