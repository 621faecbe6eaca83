package console_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/rabbit"
)

// hostile are texts that try to run a script, to break out of an attribute or a table, to forge
// a row, an event or a log line, or to reorder text.
var hostile = []string{
	`<script>alert(1)</script>`,
	`"><img src=x onerror=alert(1)>`,
	`' onmouseover='alert(1)`,
	`</td></tr><tr><td>forged</td></tr>`,
	`</textarea><script>alert(1)</script>`,
	`</title><svg onload=alert(1)>`,
	`javascript:alert(1)`,
	"line\nuser=root action=forged\r\n\r\ndata: <b>forged</b>\n\n",
	"\u202egnirts desrever\u202c and \u200bhidden\u2066",
	"\x1b[31mred\x1b[0m\x00\x07",
	`{{.Base}}${7*7}<!--`,
	`../../login?to=//evil.example`,
	"\xff\xfe not UTF-8 \xc3(",
	strings.Repeat("A<b>", 500),
}

// exact matches what a form sends back as it is, and what an operator edits. It is not shown as
// text of the page, and must be the same as in the message.
var exact = regexp.MustCompile(`(?s)(?: (?:value|data-key)="[^"]*"|<textarea[^>]*>[^<]*</textarea>)`)

// check fails the test if a page contains what a text tried to add.
func check(t *testing.T, path, page string) {
	t.Helper()
	page = exact.ReplaceAllString(page, "")
	for _, bad := range []string{
		"<script>alert", "<img", "<svg onload", "<td>forged", "<b>forged", "A<b>", "onmouseover='", `href="javascript:`, "\x1b", "\x00", "\u202e", "\u200b", "\u2066", "\xff",
	} {
		if strings.Contains(page, bad) {
			t.Errorf("%s contains %q", path, bad)
		}
	}
	if n := strings.Count(page, "<script"); n != 2 { // morph.js and console.js
		t.Errorf("%s has %d scripts, want its own two", path, n)
	}
	if strings.Count(page, "<tr") != strings.Count(page, "</tr>") || strings.Count(page, "<table") != strings.Count(page, "</table>") {
		t.Errorf("%s has a broken table", path)
	}
}

func TestHostileDeadLettersCannotRunScriptOrForgeRows(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.declare()
	for i, text := range hostile {
		short := text[:min(len(text), 200)]
		b.put(amqp.Publishing{MessageId: short, Body: []byte(text), ContentType: short, Headers: amqp.Table{
			"warren-queue": b.queue, "warren-reason": text, "warren-error": text, "warren-error-type": text, "warren-fingerprint": text,
			"warren-handler": text, "warren-host": text, "warren-stack": text, "warren-exchange": text, "warren-routing-key": text,
			"warren-replayed-by": text, "warren-replayed-at": "2026-01-01T00:00:00Z", "warren-edited-from": text, "warren-trace": text,
			"warren-history":        `[{"attempt":1,"at":"2026-01-01T00:00:00Z","reason":` + quoted(text) + `,"error":` + quoted(text) + `,"host":` + quoted(text) + `}]`,
			"warren-last-failed-at": time.Now().UTC().Format(time.RFC3339), "mine": text, "bytes": []byte(text), "n": int32(i), text[:min(len(text), 100)]: "name",
		}})
	}
	path := "deadletters/" + b.queue
	groups, list := b.page(path), b.page(path+"/letters")
	check(t, "the groups", groups)
	check(t, "the list", list)
	if n := strings.Count(list, "<tr"); n != len(hostile)+1 {
		t.Errorf("the list has %d rows, want %d and the header", n-1, len(hostile))
	}
	for _, text := range hostile {
		id := url.Values{"id": {text[:min(len(text), 200)]}}.Encode()
		for _, page := range []string{"/letter?", "/replay?", "/discard?", "/edit?"} {
			status, html := b.request(http.MethodGet, path+page+id, nil)
			if status >= 500 {
				t.Errorf("%s of %q: status %d", page, text, status)
			}
			check(t, page+text, html)
		}
		b.request(http.MethodPost, "api/"+path+"/replay", strings.NewReader(`{"dry_run":true,"filter":`+quoted("error="+quoted(text))+`}`), "Content-Type", "application/json")
		b.request(http.MethodPost, path+"/edit", strings.NewReader(id+"&body="+url.QueryEscape(text)+"&headers=warren-queue%3Dx"), "Content-Type", "application/x-www-form-urlencoded")
	}
	for i, text := range hostile {
		b.request(http.MethodPost, "api/"+path+"/note", strings.NewReader(`{"id":`+quoted(text[:min(len(text), 200)])+`,"text":`+quoted(text)+`}`), "Content-Type", "application/json")
		b.request(http.MethodPost, "api/"+path+"/note", strings.NewReader(`{"group":`+quoted(strings.Repeat("g", i+1))+`,"text":`+quoted(text)+`}`), "Content-Type", "application/json")
	}
	check(t, "the notes", b.page(path+"/notes"))
	check(t, "the list with notes", b.page(path+"/letters"))
	check(t, "the actions", b.page("jobs"))
	for line := range strings.Lines(b.log.String()) {
		if !strings.HasPrefix(line, "time=") {
			t.Errorf("the log has a forged line: %q", line)
		}
	}
}

func TestHostileAnnouncementsCannotRunScriptOrForgeRows(t *testing.T) {
	t.Parallel()
	b := newBenchAt(t, rabbit.Start(t).URL(), nil) // other tests control the fleet of the shared broker
	b.declare()
	b.eventually("the console listens", func() bool {
		var s struct{ Settled bool }
		b.get("overview", &s)
		return s.Settled
	})
	for i, text := range hostile {
		id := "AAAAAAAAAAAAAAAAAAAAAAAAA" + string(rune('A'+i))
		queue := map[string]any{"name": text, "state": text, "error": text, "concurrency": -5, "partitions": 1 << 40, "consumes": []int{-1, 1 << 40}, "adaptive_limit": 1 << 40, "breaker": text, "breaker_waiting": -1, "in_hand": 1 << 40, "ok_per_second": 1e300, "dead_per_second": -1.0}
		body, err := json.Marshal(map[string]any{
			"format": 1, "kind": "state", "interval_ms": 3000, "reasons": []string{text}, "process": map[string]any{"id": id, "host": text, "program": text, "version": text, "warren": text},
			"queues":  []any{queue, map[string]any{"name": b.queue, "state": text, "error": text, "ok_per_second": 1e300}},
			"in_hand": []any{map[string]any{"id": text, "queue": text, "handler": text, "key": text, "age_ms": int64(1) << 62, "cancelled": text}},
			"limits":  []any{map[string]any{"name": text, "slots": 1 << 40, "held": -1, "waiting": 1 << 40}},
			"parking": []any{map[string]any{"queue": text + ".delay", "error": text}}, "last_error": map[string]any{"queue": text, "error": text},
			"schedules": map[string]any{"group": text, "role": text, "reasons": []string{text}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.channel.Publish("warren.fleet", "state", false, false, amqp.Publishing{Body: body}); err != nil {
			t.Fatal(err)
		}
	}
	b.eventually("the processes are shown", func() bool {
		return strings.Count(b.page("processes"), "AAAAAAAA") >= len(hostile)
	})
	for _, path := range []string{"", "queues", "queues/" + b.queue, "working", "processes", "delayed", "schedules", "topology", "publish", "deadletters"} {
		page := b.page(path)
		check(t, path, page)
		b.page("api/" + strings.Replace(path, "", "overview", btoi(path == "")))
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func quoted(text string) string {
	data, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// declare has a worker declare the queues.
func (b *bench) declare() {
	b.t.Helper()
	b.run(nil)()
}

// put publishes straight into the dead-letter queue.
func (b *bench) put(p amqp.Publishing) {
	b.t.Helper()
	if err := b.channel.Confirm(false); err != nil {
		b.t.Fatal(err)
	}
	confirm, err := b.channel.PublishWithDeferredConfirm("", b.dlq, true, false, p)
	if err != nil {
		b.t.Fatal(err)
	}
	if acked, err := confirm.WaitContext(b.t.Context()); err != nil || !acked {
		b.t.Fatalf("not confirmed: %v, %v", acked, err)
	}
}
