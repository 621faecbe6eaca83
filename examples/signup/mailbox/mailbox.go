// Package mailbox stands in for a mail server: it keeps the mails it is sent, in
// memory, and has two domains that make trouble on purpose.
package mailbox

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
)

// ErrBounced says that there is no such recipient, and never will be.
var ErrBounced = errors.New("mailbox: bounced: no such recipient")

// ErrBusy says that the recipient's server wants the mail at another time.
var ErrBusy = errors.New("mailbox: the recipient's server is busy, try again")

// Domains that make trouble: one refuses every mail for good, the other the first
// two attempts at each mail.
const (
	BounceDomain = "bounce.test"
	FlakyDomain  = "flaky.test"
)

// Mail is one mail.
type Mail struct {
	ID      string // a mail that comes again with the same id is kept once
	Attempt int    // an attempt that comes again is the same attempt
	To      string
	Subject string
	Text    string
}

// Mailbox keeps mails. The zero value is empty. It is safe for concurrent use.
type Mailbox struct {
	mu    sync.Mutex
	mails []Mail
	tried map[string]map[int]bool // attempts at each mail for the flaky domain
}

// Send keeps m, once however often it is sent. The error is ErrBounced, ErrBusy or
// that of ctx.
func (b *Mailbox) Send(ctx context.Context, m Mail) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	at := strings.LastIndexByte(m.To, '@')
	switch domain := strings.ToLower(m.To[at+1:]); {
	case at < 0, domain == BounceDomain:
		return ErrBounced
	case domain == FlakyDomain && b.attempts(m) < 3:
		return ErrBusy
	}
	if !slices.ContainsFunc(b.mails, func(kept Mail) bool { return kept.ID == m.ID }) {
		b.mails = append(b.mails, m)
	}
	return nil
}

// attempts returns how many different attempts there were at m. The broker may
// deliver one twice; counting calls would take that for progress.
func (b *Mailbox) attempts(m Mail) int {
	if b.tried == nil {
		b.tried = make(map[string]map[int]bool)
	}
	if b.tried[m.ID] == nil {
		b.tried[m.ID] = make(map[int]bool)
	}
	b.tried[m.ID][m.Attempt] = true
	return len(b.tried[m.ID])
}

// To returns the mails that the address has got, the oldest first.
func (b *Mailbox) To(address string) []Mail {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(b.mails), func(m Mail) bool { return m.To != address })
}
