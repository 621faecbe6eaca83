package live_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/live"
	"github.com/warren-mq/warren/examples/signup/internal/live/livetest"
)

// watcher is a client that reads a stream of events.
type watcher struct {
	lines *bufio.Scanner
	body  io.Closer
}

func watch(t *testing.T, url string) *watcher {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = answer.Body.Close() }) // a test may have closed it
	if kind := answer.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Fatalf("the content type is %q", kind)
	}
	return &watcher{bufio.NewScanner(answer.Body), answer.Body}
}

// next returns the data of the next event, and false at the end of the stream.
func (w *watcher) next() (data string, ok bool) {
	for w.lines.Scan() {
		line, isData := strings.CutPrefix(w.lines.Text(), "data: ")
		if !isData {
			return data, true
		}
		data += line + "\n"
	}
	return data, false
}

func TestAStreamSendsAChange(t *testing.T) {
	t.Parallel()
	d := livetest.Busy()
	w := watch(t, livetest.Serve(t, d)+"/live")
	if first, ok := w.next(); !ok || !strings.HasPrefix(first, `<div id="state">`) || !strings.Contains(first, "8,431") {
		t.Fatalf("the first event is %v, %q", ok, first)
	}
	d.Change(func(s *live.Snapshot) { s.Queues[0].Ready = 8_400 })
	if second, ok := w.next(); !ok || !strings.Contains(second, "8,400") {
		t.Fatalf("the second event is %v, %q", ok, second)
	}
}

func TestAStreamContinuesBeyondTheServersTimeouts(t *testing.T) {
	t.Parallel()
	d := livetest.Busy()
	server := httptest.NewUnstartedServer(live.New(t.Context(), d, slog.New(slog.DiscardHandler)))
	server.Config.ReadTimeout, server.Config.WriteTimeout = 100*time.Millisecond, 100*time.Millisecond
	server.Start()
	t.Cleanup(server.Close)
	w := watch(t, server.URL+"/live")
	for depth := range 3 { // the poll interval is longer than the timeouts
		if _, ok := w.next(); !ok {
			t.Fatalf("the stream ends after %d events", depth)
		}
		d.Change(func(s *live.Snapshot) { s.Queues[0].Ready = depth })
	}
}

func TestAStreamEndsWithTheDemo(t *testing.T) {
	t.Parallel()
	ctx, end := context.WithCancel(t.Context())
	server := httptest.NewServer(live.New(ctx, livetest.Busy(), slog.New(slog.DiscardHandler)))
	defer server.Close()
	w := watch(t, server.URL+"/inbox")
	w.next()
	end()
	if data, ok := w.next(); ok {
		t.Errorf("the stream goes on with %q", data)
	}
}

func TestAStreamEndsWithItsClient(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	pages := live.New(t.Context(), livetest.Busy(), slog.New(slog.DiscardHandler))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pages.ServeHTTP(w, r)
		close(ended)
	}))
	defer server.Close()
	w := watch(t, server.URL+"/live")
	w.next()
	if err := w.body.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Error("the stream still runs a minute after its client has gone")
	}
}

func TestAStreamOfAForgottenJourneyReportsIt(t *testing.T) {
	t.Parallel()
	d := livetest.Busy()
	w := watch(t, livetest.Serve(t, d)+"/journey/7")
	w.next()
	d.Mu.Lock()
	d.Followed.ID = "8"
	d.Mu.Unlock()
	for w.lines.Scan() {
		if w.lines.Text() == "event: gone" {
			return
		}
	}
	t.Error("the stream ended without the event gone")
}

// flushed is a response writer that reports each flush, which ends an event.
type flushed struct {
	*httptest.ResponseRecorder

	events    chan time.Time
	deadlines chan time.Time
}

func (f flushed) Flush() { f.events <- time.Now() }

func (f flushed) SetWriteDeadline(at time.Time) error {
	f.deadlines <- at
	return nil
}

func TestAStreamWithoutChangesGivesASignOfLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/live", nil)
		r.Header.Set("Accept", "text/event-stream")
		w := flushed{httptest.NewRecorder(), make(chan time.Time, 1), make(chan time.Time, 2)}
		go live.New(t.Context(), livetest.Busy(), slog.New(slog.DiscardHandler)).ServeHTTP(w, r)
		first := <-w.events
		if quiet := (<-w.events).Sub(first); quiet != 15*time.Second {
			t.Errorf("the second event comes after %v, want 15s", quiet)
		}
		for range 2 {
			if in := time.Until(<-w.deadlines); in > 10*time.Second {
				t.Errorf("a client may take %v to read an event, want 10s at most", in)
			}
		}
		end()
	})
}
