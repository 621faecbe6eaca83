package engine_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/topology"
)

// onRabbit returns the YAML for the broker of the tests. NAME in it is a name of the test's own,
// which it also returns. The queues that begin with it are deleted when the test ends.
func onRabbit(t *testing.T, yaml string, queues ...string) (ready, name string) {
	t.Helper()
	rabbit.NeedsNetwork(t, "the runner connects over TCP")
	url, name := rabbit.URL(t), rabbit.Queue(t)
	t.Cleanup(func() {
		ch := rabbit.Channel(t, url)
		for _, q := range queues {
			for _, one := range []string{name + q, topology.DeadLetterQueue(name + q), topology.ParkingQueue(name + q)} {
				if _, err := ch.QueueDelete(one, false, false, false); err != nil {
					t.Error(err)
				}
			}
		}
	})
	return "broker: {url: \"" + url + "\"}\nfleet: {announce: false}\n" + strings.ReplaceAll(yaml, "NAME", name), name
}

// ask calls the handler of a queue, and returns the reply or the error as a text.
func ask(t *testing.T, pub *broker.Publisher, queue string, request any) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	m, err := pub.Call(ctx, queue, request)
	if remote, failed := errors.AsType[*broker.RemoteError](err); failed {
		return remote.Reason + ": " + remote.Message
	}
	if err != nil {
		t.Fatalf("%s: %v", queue, err)
	}
	return m.ContentType + " " + string(m.Body)
}

const repliesYAML = `queues:
  - name: NAME-exec
    handlers:
      - key: "#"
        schema: SCHEMA
        exec: {command: [sh, -c, 'read n; if [ $n = 0 ]; then printf "division by zero\nreason: zero\n" >&2; exit 65; fi; echo $((12 / n))']}
        replies: {}
  - name: NAME-persistent
    handlers:
      - key: "#"
        persistent: {command: [sh, -c, 'read a; echo ''{"id":1,"ok":true,"reply":{"half":6}}''; read b; echo ''{"id":2,"error":"odd","permanent":true,"reason":"odd"}''; read end']}
        replies: {}
  - name: NAME-webhook
    handlers:
      - key: "#"
        webhook: {url: "URL", allow_private: true}
        replies: {max_bytes: 1KiB}
`

// TestHandlersOfEachKindReply: a command, a persistent process and a webhook reply to calls.
func TestHandlersOfEachKindReply(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		if body, _ := io.ReadAll(r.Body); string(body) != "6" {
			w.Header().Set("Warren-Reason", "not_six")
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
		_, _ = io.WriteString(w, "six")
	}))
	t.Cleanup(server.Close)
	schema := filepath.Join(t.TempDir(), "schema.json")
	if err := os.WriteFile(schema, []byte(`{"type":"integer"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	yaml, name := onRabbit(t, strings.NewReplacer("URL", server.URL, "SCHEMA", schema).Replace(repliesYAML), "-exec", "-persistent", "-webhook")
	r := run(t, yaml)
	pub := broker.NewPublisher(r.Broker(), "")
	for _, tt := range []struct {
		queue   string
		request any
		want    string
	}{
		{"-exec", 4, "application/json 3"},
		{"-exec", 0, "zero: job: sh: exit status 65: division by zero"},
		{"-exec", "four", "invalid: …"},
		{"-persistent", 12, `application/json {"half":6}`},
		{"-persistent", 13, "odd: job: sh: odd"},
		{"-webhook", 6, "text/plain six"},
		{"-webhook", 7, "not_six: job: POST " + server.URL + ": 422 Unprocessable Entity: six"},
	} {
		got := ask(t, pub, name+tt.queue, tt.request)
		if start, more := strings.CutSuffix(tt.want, "…"); got != tt.want && (!more || !strings.HasPrefix(got, start)) {
			t.Errorf("%s, %v: got %q, want %q", tt.queue, tt.request, got, tt.want)
		}
	}
	if err := pub.Publish(t.Context(), name+"-exec", 6); err != nil { // without a reply-to
		t.Error(err)
	}
	r.becomes(name+"-exec", "consuming 1/1 acked 2")
	if err := pub.Close(); err != nil {
		t.Error(err)
	}
	r.end()
}

// TestACallSurvivesAKilledProgram: the program of the first attempt is killed, and the second one
// replies.
func TestACallSurvivesAKilledProgram(t *testing.T) {
	t.Parallel()
	yaml, name := onRabbit(t, `queues:
  - name: NAME-exec
    retry: {initial_interval: 10ms}
    handlers:
      - key: "#"
        exec: {command: [sh, -c, 'if [ $WARREN_ATTEMPT = 1 ]; then echo 1; kill -9 $$; fi; echo $WARREN_ATTEMPT']}
        replies: {}
  - name: NAME-persistent
    retry: {initial_interval: 10ms}
    handlers:
      - key: "#"
        persistent: {command: [sh, -c, 'read request; case $request in *"attempt\":1,"*) kill -9 $$;; esac; echo ''{"id":1,"ok":true,"reply":2}''; read end']}
        replies: {}
`, "-exec", "-persistent")
	r := run(t, yaml)
	pub := broker.NewPublisher(r.Broker(), "")
	for _, queue := range []string{"-exec", "-persistent"} {
		if got := ask(t, pub, name+queue, 1); got != "application/json 2" {
			t.Errorf("%s: got %q, want the reply of the second attempt", queue, got)
		}
	}
	if err := pub.Close(); err != nil {
		t.Error(err)
	}
	r.end()
}
