// Package catcher is a mail server that keeps what it gets, for development: it
// delivers nothing. It can be slow, stopped, and told to bounce addresses.
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

// Limits of what is taken, and of what is kept.
const (
	maxRecipients = 100
	maxMessage    = 1 << 20  // bytes of one mail
	maxKept       = 50_000   // mails; older ones are forgotten,
	maxKeptBytes  = 16 << 20 // also if their texts together have more bytes
	patience      = time.Minute
)

// Catcher is the server. Its methods are safe for concurrent use.
type Catcher struct {
	address string

	mu       sync.Mutex
	server   *smtp.Server  // nil while it is stopped
	listener net.Listener  // of the server
	cut      chan struct{} // closed when the server is stopped
	delay    time.Duration
	bounces  []string // in lower case
	mails    []Mail
	bytes    int // of their texts
	accepted int64
	refused  int64
	onMail   func(Mail)
}

// Start starts a catcher at the address; 127.0.0.1 and any free port if it is empty.
func Start(address string) (*Catcher, error) {
	c := &Catcher{address: cmp.Or(address, "127.0.0.1:0")}
	return c, c.Resume()
}

// URL is where mails are sent, as for package mail.
func (c *Catcher) URL() string { return "smtp://" + c.address }

// Resume takes connections again after Stop, at the same address.
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
	c.server.ErrorLog = log.New(io.Discard, "", 0) // clients that are cut off are not news
	go serve(c.server, listener)
	return nil
}

// serve ends when the server is closed, which is the only error it may end with.
func serve(s *smtp.Server, l net.Listener) { _ = s.Serve(l) }

// Stop cuts all connections and refuses new ones. What is kept stays.
func (c *Catcher) Stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server == nil {
		return nil
	}
	server := c.server
	c.server = nil
	close(c.cut)
	for _, closing := range []func() error{c.listener.Close, server.Close} { // a server that has not begun knows no listener yet
		if err := closing(); err != nil && !errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("catcher: %w", err)
		}
	}
	return nil
}

// Slow makes each mail take so long from now on.
func (c *Catcher) Slow(delay time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.delay = delay
}

// Bounce refuses all mails to the address from now on, for good (550).
func (c *Catcher) Bounce(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bounces = append(c.bounces, strings.ToLower(address))
}

// Mend takes every mail at once, and starts the server if it is stopped.
func (c *Catcher) Mend() error {
	c.mu.Lock()
	c.delay, c.bounces = 0, nil
	c.mu.Unlock()
	return c.Resume()
}

// OnMail has f see each mail that is taken, before its sender knows. It must be quick.
func (c *Catcher) OnMail(f func(Mail)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onMail = f
}
