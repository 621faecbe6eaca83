package live

import (
	"bytes"
	"net/http"
	"time"
)

const (
	eventStream = "text/event-stream"
	pace        = 500 * time.Millisecond // between two polls of the demo
	heartbeat   = 30                     // polls without a change before a comment is sent to keep the stream open
	patience    = 10 * time.Second       // for each write to a client that reads slowly
)

// stream sends the variable part of a page whenever it has changed, until the client
// disconnects or the demo stops.
func (h *handler) stream(w http.ResponseWriter, r *http.Request, name string, v view) error {
	out := http.NewResponseController(w)
	w.Header().Set("Content-Type", eventStream)
	w.Header().Set("Cache-Control", "no-store")
	look := time.NewTicker(pace)
	defer look.Stop()
	var last []byte
	for quiet := 0; ; quiet++ {
		now, err := state(r, name, v)
		if err != nil {
			return err
		}
		if !bytes.Equal(now, last) || quiet == heartbeat {
			if err := out.SetWriteDeadline(time.Now().Add(patience)); err != nil { // replaces the server's WriteTimeout, which suits a page
				return err
			}
			if _, err := bytes.NewReader(now).WriteTo(w); err != nil {
				return err
			}
			if err := out.Flush(); err != nil {
				return err
			}
			last, quiet = now, 0
		}
		select {
		case <-look.C:
		case <-r.Context().Done():
			return nil
		case <-h.ctx.Done():
			return nil
		}
	}
}

// state returns the variable part of the page as an event.
func state(r *http.Request, name string, v view) ([]byte, error) {
	page, ok := v(r)
	if !ok {
		return []byte("event: gone\ndata:\n\n"), nil
	}
	var html bytes.Buffer
	if err := pages[name].ExecuteTemplate(&html, "state", page); err != nil {
		return nil, err
	}
	var event bytes.Buffer
	for line := range bytes.Lines(html.Bytes()) {
		event.WriteString("data: ")
		event.Write(bytes.TrimRight(line, "\r\n"))
		event.WriteByte('\n')
	}
	event.WriteByte('\n')
	return event.Bytes(), nil
}
