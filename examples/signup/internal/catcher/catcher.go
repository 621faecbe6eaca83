// Package catcher is a mail server for development. It keeps the mails in memory and delivers
// none. It can be slowed down and stopped, and can bounce addresses.
package catcher

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// Limits of one mail, and of all kept mails.
const (
	maxRecipients = 100
	maxMessage    = 1 << 20  // bytes of one mail
	maxKept       = 50_000   // mails; the oldest are dropped first
	maxKeptBytes  = 16 << 20 // bytes of the texts of all kept mails
	patience      = time.Minute
)

// Catcher is an SMTP server that keeps its mails. Its methods are safe for concurrent use.
type Catcher struct {
	address string

	mu       sync.Mutex
	server   *smtp.Server  // nil while it is stopped
	listener net.Listener  // of the server
	cut      chan struct{} // closed when the server is stopped
	delay    time.Duration
	bounces  []string // in lower case
	mails    []Mail
	bytes    int // of the texts of mails
	accepted int64
	refused  int64
	onMail   func(Mail)
}

// Start starts a catcher at the address. An empty address means any free port of 127.0.0.1.
func Start(address string) (*Catcher, error) {
	c := &Catcher{address: cmp.Or(address, "127.0.0.1:0")}
	return c, c.Resume()
}

// URL returns the URL of the server, for mail.NewSender.
func (c *Catcher) URL() string { return "smtp://" + c.address }

// Resume accepts connections again after Stop, at the same address.
func (c *Catcher) Resume() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server != nil {
		return nil
	}
	listener, err := net.Listen("tcp", c.address)
	if err != nil {
		return fmt.Errorf("catcher: %w", err)
	}
	c.listener, c.address, c.cut = listener, listener.Addr().String(), make(chan struct{})
	c.server = smtp.NewServer(backend{c, c.cut})
	c.server.Domain, c.server.MaxMessageBytes, c.server.MaxRecipients = "catcher.example", maxMessage, maxRecipients
	c.server.ReadTimeout, c.server.WriteTimeout = patience, patience
	c.server.ErrorLog = log.New(io.Discard, "", 0) // Stop cuts connections on purpose, so their errors are not logged
	go serve(c.server, listener)
	return nil
}

// serve returns when the server is closed. The error of Serve only reports that.
func serve(s *smtp.Server, l net.Listener) { _ = s.Serve(l) }

// Stop closes all connections and refuses new ones. The mails are kept.
func (c *Catcher) Stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server == nil {
		return nil
	}
	server := c.server
	c.server = nil
	close(c.cut)
	for _, closing := range []func() error{c.listener.Close, server.Close} { // server.Close alone misses a listener that Serve has not registered yet
		if err := closing(); err != nil && !errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("catcher: %w", err)
		}
	}
	return nil
}

// Slow delays the answer to each mail by delay from now on.
func (c *Catcher) Slow(delay time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.delay = delay
}

// Bounce refuses all mails to the address from now on, with the permanent error 550.
func (c *Catcher) Bounce(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bounces = append(c.bounces, strings.ToLower(address))
}

// Fix ends the effects of Slow and Bounce, and starts the server if it is stopped.
func (c *Catcher) Fix() error {
	c.mu.Lock()
	c.delay, c.bounces = 0, nil
	c.mu.Unlock()
	return c.Resume()
}

// OnMail makes the catcher call f with each mail before it answers the sender. f must return
// quickly.
func (c *Catcher) OnMail(f func(Mail)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onMail = f
}
