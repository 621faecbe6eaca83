package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
)

// Each program names a message with the body "named" as failed, and fails as a whole because of one with
// the body "poison". The REPORT has the sizes of the batches without poison.
const (
	commandOfBatches = `case $(tee IN.$$) in *poison*) rm IN.$$; exit 65;; esac
while read -r line; do
	case $line in *'"body":"\"named\""'*) item=${line#*\"item\":}; echo '{"item":'${item%%,*}',"error":"named","permanent":true}';; esac
done < IN.$$
rm IN.$$
echo "exec $WARREN_BATCH_SIZE" >> REPORT
`
	processOfBatches = `n=0
while read -r request; do
	n=$((n + 1))
	case $request in
	*poison*) kill -9 $$;;
	*named*) before=${request%%named*}; item=${before##*\"item\":}; echo '{"id":'$n',"failed":[{"item":'${item%%,*}',"error":"named","permanent":true}]}';;
	*) echo '{"id":'$n',"ok":true}';;
	esac
	echo "persistent" >> REPORT
done
`
	batchesYAML = `queues:
  - name: NAME-exec
    retry: RETRY
    type: classic
    handlers: [{key: "#", schema: SCHEMA, exec: {command: [sh, COMMAND]}, batch: {size: 8, wait: 3s}}]
  - name: NAME-persistent
    retry: RETRY
    type: classic
    handlers: [{key: "#", schema: SCHEMA, persistent: {command: [sh, PROCESS], backoff: {initial_interval: 10ms}}, batch: {size: 8, wait: 3s}}]
  - name: NAME-webhook
    retry: RETRY
    type: classic
    handlers: [{key: "#", schema: SCHEMA, webhook: {url: "URL", allow_private: true}, batch: {size: 8, wait: 3s}}]
  - name: NAME-go
    retry: RETRY
    type: classic
    handlers: [{key: "#", schema: SCHEMA, go: note-all, batch: {size: 8, wait: 3s}}]
`
)

// handleBatch is the handler in Go of the tests.
func handleBatch(_ context.Context, bodies []string) error {
	failed := make(handler.BatchError)
	for i, body := range bodies {
		switch body {
		case "poison":
			panic(body)
		case "named":
			failed[i] = retry.Permanent(errors.New(body))
		}
	}
	if len(failed) > 0 {
		return failed
	}
	return nil
}

// serveBatch is the webhook of the tests.
func serveBatch(w http.ResponseWriter, r *http.Request) {
	var all []struct {
		Item int    `json:"item"`
		Body string `json:"body"`
	}
	body, _ := io.ReadAll(r.Body)
	if err := json.Unmarshal(body, &all); err != nil || strings.Contains(string(body), "poison") {
		w.WriteHeader(http.StatusUnprocessableEntity)
		return
	}
	type failure struct {
		Item      int    `json:"item"`
		Error     string `json:"error"`
		Permanent bool   `json:"permanent"`
	}
	failed := []failure{}
	for _, m := range all {
		if m.Body == `"named"` {
			failed = append(failed, failure{m.Item, "named", true})
		}
	}
	if err := json.NewEncoder(w).Encode(map[string][]failure{"failed": failed}); err != nil {
		panic(err)
	}
}

// TestHandlersOfEachKindHandleBatches: of nine messages, one is named as failed, one fails its whole
// batch, and one breaks the schema. The other six are handled.
func TestHandlersOfEachKindHandleBatches(t *testing.T) {
	t.Parallel()
	r := report{file: filepath.Join(t.TempDir(), "report")}
	server := httptest.NewServer(http.HandlerFunc(serveBatch))
	t.Cleanup(server.Close)
	schema := filepath.Join(t.TempDir(), "schema.json")
	if err := os.WriteFile(schema, []byte(`{"type":"string"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	kinds := []string{"-exec", "-persistent", "-webhook", "-go"}
	yaml, name := onRabbit(t, strings.NewReplacer(
		"URL", server.URL, "SCHEMA", schema, "RETRY", "{max_attempts: 2, initial_interval: 10ms}",
		"COMMAND", r.script(t, "command", strings.ReplaceAll(commandOfBatches, "IN", filepath.Join(t.TempDir(), "in"))),
		"PROCESS", r.script(t, "process", processOfBatches),
	).Replace(batchesYAML), kinds...)
	running := run(t, yaml)
	pub := broker.NewPublisher(running.Broker(), "")
	for _, kind := range kinds {
		var items []broker.Item
		for _, body := range []any{"a", 1, "b", "c", "named", "d", "poison", "e", "f"} {
			items = append(items, broker.Item{Key: name + kind, Body: body, Options: []broker.Option{broker.WithMessageID(text(body))}})
		}
		if err := pub.PublishBatch(t.Context(), items...); err != nil {
			t.Fatal(err)
		}
	}
	if err := pub.Close(); err != nil {
		t.Error(err)
	}
	ch := rabbit.Channel(t, rabbit.URL(t))
	for _, kind := range kinds {
		running.becomes(name+kind, "consuming 8/8 acked 6")
		dead := make(map[string]int64)
		rabbit.Eventually(t, time.Minute, func() bool { takeDead(t, ch, name+kind, dead); return len(dead) == 3 }, "three are dead letters of "+kind)
		attempts := map[string]int64{"named": 1, "poison": 1, "1": 1}
		if kind == "-persistent" || kind == "-go" {
			attempts["poison"] = 2 // a killed process and a panic are retried
		}
		for id, attempt := range attempts {
			if dead[id] != attempt {
				t.Errorf("%s: the dead letters and their attempts are %v, want %v", kind, dead, attempts)
			}
		}
	}
	running.end()
}

func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	encoded, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(encoded)
}

// takeDead adds the attempts of the dead letters of a queue, by message id.
func takeDead(t *testing.T, ch *amqp.Channel, queue string, dead map[string]int64) {
	t.Helper()
	for {
		d, ok, err := ch.Get(topology.DeadLetterQueue(queue), true)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return
		}
		dead[d.MessageId], _ = d.Headers["warren-attempt"].(int64)
	}
}

// TestAReloadChangesTheNumberOfBatches: concurrency counts batches, also in a reload and in the status.
func TestAReloadChangesTheNumberOfBatches(t *testing.T) {
	t.Parallel()
	yaml := func(concurrency string) string {
		return queues("  - {name: q, exchange: events, concurrency: " + concurrency + ", handlers: [{key: a, exec: {command: [cat]}, batch: {size: 100}}]}\n")
	}
	r := run(t, yaml("2"))
	defer r.end()
	r.becomes("q", "consuming 200/200 acked 0")
	changes, err := r.Reload(t.Context(), load(t, yaml("3")))
	if err != nil || len(changes.Live) != 1 {
		t.Errorf("the reload has the changes %+v and %v, want one that is live", changes, err)
	}
	r.becomes("q", "consuming 300/300 acked 0")
}
