package console

import (
	"bytes"
	"context"
	"net/http"
	"time"
)

const (
	eventStream = "text/event-stream"
	streamPause = time.Second      // between two renderings
	heartbeat   = 15               // renderings without a change before a comment keeps the stream open
	patience    = 10 * time.Second // for each write to a client that reads slowly
	maxStreams  = 100              // at the same time
)

func wantsEvents(r *http.Request) bool { return r.Header.Get("Accept") == eventStream }

// stream sends the variable part of a page whenever it has changed, until the client
// disconnects or Run ends.
func (c *Console) stream(w http.ResponseWriter, r *http.Request, name string, v view) {
	if templates()[name].Lookup("state") == nil {
		http.Error(w, "console: this page has no stream", http.StatusNotAcceptable)
		return
	}
	defer c.streams.Add(-1)
	if c.streams.Add(1) > maxStreams {
		http.Error(w, "console: too many pages are open", http.StatusServiceUnavailable)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	w.Header().Set("Content-Type", eventStream)
	c.follows(ctx, w, r, func() []byte { return c.event(r, name, v) })
}

// follows sends each event that differs from the one before, until ctx is done.
func (c *Console) follows(ctx context.Context, w http.ResponseWriter, r *http.Request, now func() []byte) {
	tick := time.NewTicker(streamPause)
	defer tick.Stop()
	var last []byte
	for n, quiet := 1, 0; ; n, quiet = n+1, quiet+1 {
		event := now()
		switch {
		case !bytes.Equal(event, last):
			last, quiet = event, 0
		case quiet < heartbeat:
			event = nil
		default:
			event, quiet = []byte(":\n\n"), 0
		}
		if event != nil && send(w, event) != nil {
			return
		}
		select {
		case <-tick.C:
			c.wake()
		case <-ctx.Done():
			return
		}
		if n%heartbeat != 0 {
			continue
		}
		if _, _, err := c.admit(r); err != nil { // the token has changed, or the login is over
			_ = send(w, []byte("event: gone\ndata: Log in again\n\n"))
			return
		}
	}
}

// send writes to a client, and replaces the server's WriteTimeout, which suits a page.
func send(w http.ResponseWriter, event []byte) error {
	out := http.NewResponseController(w)
	if err := out.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := w.Write(event); err != nil {
		return err
	}
	return out.Flush()
}

// event returns the variable part of the page as an event.
func (c *Console) event(r *http.Request, name string, v view) []byte {
	data, err := v(r)
	if err != nil {
		return []byte("event: gone\ndata: This is no longer there\n\n")
	}
	f := c.frame(r, data)
	f.Notice = nil
	var html bytes.Buffer
	if err := templates()[name].ExecuteTemplate(&html, "state", f); err != nil {
		c.log.Error("console: render a page", "page", name, "error", err)
		return []byte("event: gone\ndata: The page could not be rendered\n\n")
	}
	var event bytes.Buffer
	for line := range bytes.Lines(html.Bytes()) {
		event.WriteString("data: ")
		event.Write(bytes.Map(func(r rune) rune {
			if r == '\r' {
				return ' '
			}
			return r
		}, bytes.TrimRight(line, "\r\n")))
		event.WriteByte('\n')
	}
	event.WriteByte('\n')
	return event.Bytes()
}
