package engine_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/codec/seal"
	"github.com/warren-mq/warren/internal/rabbit"
)

func keyLine(k seal.Key) string {
	return k.ID + " " + base64.StdEncoding.EncodeToString(k.Secret) + "\n"
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// codecsYAML is the codec private, with everything that a codec may have.
func codecsYAML(keys, bodies string) string {
	return `codecs:
  - name: private
    cloud_events: {source: https://example.com/shop, structured: true}
    compress: zstd
    seal: {keys: {file: ` + keys + `}}
    claim: {dir: ` + bodies + `, min_bytes: 1B}
`
}

// TestHandlersOfEachKindGetOpenedBodies: a command emits an order as a CloudEvent, compressed,
// sealed and stored in a folder. The other handlers get what the command has written.
func TestHandlersOfEachKindGetOpenedBodies(t *testing.T) {
	t.Parallel()
	dir, request := t.TempDir(), make(chan string, 1)
	write(t, filepath.Join(dir, "keys"), keyLine(seal.NewKey("2026")))
	write(t, filepath.Join(dir, "schema.json"), `{"properties":{"note":{"type":"string"}}}`)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		request <- string(body) + " " + r.Header.Get("Content-Type") + " " + r.Header.Get("Ce-Source") + " " + r.Header.Get("Ce-Type")
	}))
	t.Cleanup(server.Close)
	note := strings.Repeat("gift ", 1000)
	r := run(t, codecsYAML(dir+"/keys", dir)+queues(`  - name: first
    exchange: events
    handlers:
      - key: first
        exec: {command: [sh, -c, 'printf ''{"key":"order.placed","body":{"note":"`+note+`"}}\n''']}
        emits: {exchange: events, codec: private}
`, `  - {name: published, exchange: events, handlers: [{key: "order.*", go: note}]}
  - {name: go, exchange: events, codec: private, handlers: [{key: "order.*", schema: `+dir+`/schema.json, go: note}]}
  - {name: webhook, exchange: events, handlers: [{key: "order.*", codec: private, webhook: {url: "`+server.URL+`", cloud_events: true, allow_private: true}}]}
  - {name: exec, exchange: events, codec: private, handlers: [{key: "order.*", exec: {command: [sh, -c, 'cat >`+dir+`/exec']}}]}
  - {name: persistent, exchange: events, codec: private, handlers: [{key: "order.*", persistent: {command: [sh, -c, 'read line; echo "$line" >`+dir+`/persistent; echo ''{"id":1,"ok":true}''; read end']}}]}
  - {name: forward, exchange: events, codec: private, handlers: [{key: "order.*", forward: {exchange: events, key: forwarded}}]}
  - {name: forwarded, exchange: events, codec: private, handlers: [{key: forwarded, go: note}]}
`))
	r.publish("first", "1")
	for range 3 {
		queue, body, _ := strings.Cut(r.next(), ": ")
		want := `{"note":"` + note + `"}`
		if queue == "published" {
			want = `{"key":`
		}
		if !strings.HasPrefix(body, want) {
			t.Errorf("queue %s got %.100q, want %.100q", queue, body, want)
		}
	}
	if got := <-request; !strings.HasPrefix(got, `{"note":"gift`) || !strings.HasSuffix(got, `"} application/json https://example.com/shop order.placed`) {
		t.Errorf("the webhook got %q, want the body and the attributes of the event", got)
	}
	for _, queue := range []string{"exec", "persistent", "forward"} {
		r.becomes(queue, "consuming 1/1 acked 1")
	}
	for file, want := range map[string]string{"exec": `{"note":"gift`, "persistent": "cloudEvents_source"} {
		if got, err := os.ReadFile(filepath.Join(dir, file)); err != nil || !strings.Contains(string(got), want) {
			t.Errorf("%s got %.100q and %v, want %s", file, got, err, want)
		}
	}
	r.end()
}

// TestAKeyMayArriveLater: a message whose key is missing is retried, until the file has the key.
func TestAKeyMayArriveLater(t *testing.T) {
	t.Parallel()
	dir, old, fresh := t.TempDir(), seal.NewKey("2026"), seal.NewKey("2027")
	write(t, dir+"/publisher", keyLine(fresh))
	write(t, dir+"/consumer", keyLine(old))
	r := run(t, `codecs:
  - {name: publisher, seal: {keys: {file: `+dir+`/publisher}}}
  - {name: consumer, seal: {keys: {file: `+dir+`/consumer}}}
`+queues(`  - name: first
    exchange: events
    handlers:
      - {key: first, exec: {command: [sh, -c, 'echo ''{"key":"second","body":"secret"}''']}, emits: {exchange: events, codec: publisher}}
  - {name: second, exchange: events, codec: consumer, retry: {initial_interval: 100ms, multiplier: 1}, handlers: [{key: second, go: note}]}
`))
	r.publish("first", "1")
	rabbit.Eventually(t, time.Minute, func() bool { return r.Status().Queues[1].Retried > 0 }, "the message is retried")
	write(t, dir+"/consumer", "2027 no-key")
	rabbit.Eventually(t, time.Minute, func() bool { return r.Status().Queues[1].Retried > 2 }, "the message is retried while the file is broken")
	write(t, dir+"/consumer", keyLine(old)+keyLine(fresh))
	if got := r.next(); got != `second: "secret"` {
		t.Errorf("got %q, want the opened body", got)
	}
	r.end()
}

// TestBodiesThatCannotBeOpenedAreDeadLetters, and a command does not run for them.
func TestBodiesThatCannotBeOpenedAreDeadLetters(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir+"/keys", keyLine(seal.NewKey("2026")))
	write(t, dir+"/schema.json", `{"properties":{"email":{"type":"string"}}}`)
	r := run(t, `codecs:
  - {name: private, seal: {keys: {file: `+dir+`/keys}}}
  - {name: checked, schemas: [{key: checked, file: `+dir+`/schema.json}]}
`+queues(`  - {name: sealed, exchange: events, codec: private, handlers: [{key: sealed, go: note}]}
  - {name: checked, exchange: events, codec: checked, handlers: [{key: checked, go: note}]}
  - name: emits
    exchange: events
    retry: {max_attempts: 1}
    handlers:
      - {key: emits, exec: {command: [sh, -c, 'echo ''{"key":"checked","body":{"email":7}}''']}, emits: {exchange: events, codec: checked}}
`))
	r.publish("sealed", "a body that is not sealed")
	r.publish("checked", `{"email":7}`)
	r.publish("emits", "1")
	for i, queue := range []string{"sealed", "checked", "emits"} {
		rabbit.Eventually(t, time.Minute, func() bool { return r.Status().Queues[i].DeadLetters == 1 }, "queue "+queue+" has a dead letter")
	}
	r.publish("checked", `{"email":"ada@example.com"}`)
	if got := r.next(); got != `checked: {"email":"ada@example.com"}` {
		t.Errorf("got %q, want only the body that keeps its schema", got)
	}
	r.end()
}
