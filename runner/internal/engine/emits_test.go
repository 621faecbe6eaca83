package engine_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/warren-mq/warren/internal/rabbit"
)

// TestHandlersOfEachKindEmit: a command, a persistent process and a webhook pass a message on.
func TestHandlersOfEachKindEmit(t *testing.T) {
	t.Parallel()
	got := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- string(body) + " " + r.Header.Get("Warren-Header-Tenant")
		_, _ = io.WriteString(w, `[{"key":"end","body":"third","id":"own"}]`)
	}))
	t.Cleanup(server.Close)
	r := run(t, queues(`  - name: first
    exchange: events
    handlers:
      - key: first
        exec: {command: [sh, -c, 'echo ''{"key":"second","body":"first"}''']}
        emits: {exchange: events}
`, `  - name: second
    exchange: events
    handlers:
      - key: second
        persistent: {command: [sh, -c, 'read request; echo ''{"id":1,"ok":true,"emit":[{"key":"third","body":"second","headers":{"tenant":"blue"}}]}''; read end']}
        emits: {exchange: events}
`, `  - name: third
    exchange: events
    handlers:
      - key: third
        webhook: {url: "`+server.URL+`", allow_private: true}
        emits: {exchange: events}
`, queueYAML("end", "end", "")))
	r.publish("first", "1")
	if request := <-got; request != `"second" blue` {
		t.Errorf("the webhook got %q, want the body and the header that the process emitted", request)
	}
	if noted := r.next(); noted != `end: "third"` {
		t.Errorf("got %q at the end, want what the webhook emitted", noted)
	}
	for _, q := range []string{"first", "second", "third", "end"} {
		r.becomes(q, "consuming 1/1 acked 1")
	}
	r.end()
}

// TestOutputThatIsNoMessageFailsTheHandling, and the messages before it are not published.
func TestOutputThatIsNoMessageFailsTheHandling(t *testing.T) {
	t.Parallel()
	r := run(t, queues(`  - name: bad
    exchange: events
    retry: {max_attempts: 1}
    handlers:
      - key: bad
        exec: {command: [sh, -c, 'echo ''{"key":"end","body":1}''; echo done']}
        emits: {exchange: events}
`, queueYAML("end", "end", "")))
	r.publish("bad", "1")
	rabbit.Eventually(t, time.Minute, func() bool { return r.Status().Queues[0].DeadLetters == 1 }, "the message is a dead letter")
	r.publish("end", "2")
	if noted := r.next(); noted != "end: 2" {
		t.Errorf("got %q, want only the message that the test published", noted)
	}
	r.end()
}
