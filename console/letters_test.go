package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/warren-mq/warren/console"
	"github.com/warren-mq/warren/deadletter"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// lettersState is what the API says about dead letters.
type lettersState struct {
	Read, Matched int
	All           bool
	Groups        []struct {
		Fingerprint, Error, Example string
		Count                       int
		Trend                       []int
	}
	Letters []struct{ ID, Fingerprint string }
	Span    struct{ From, To, Total, Next int }
}

func (b *bench) letters(path string) (s lettersState) {
	b.t.Helper()
	b.get("deadletters/"+b.queue+path, &s)
	return s
}

func TestDeadLettersAreGroupedListedAndShown(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *console.Config) { c.TraceURL = "https://tempo.example.org/trace/{trace}" })
	b.fail(60, "card", "card was declined")
	b.fail(3, "mail", "mailbox full")
	all := b.letters("?fresh=1")
	if len(all.Groups) != 2 || all.Groups[0].Count != 60 || all.Groups[0].Error != "card was declined" || !all.All || all.Read != 63 {
		t.Fatalf("the groups are %+v", all)
	}
	page := b.letters("/letters?page=2&group=" + all.Groups[0].Fingerprint)
	if len(page.Letters) != 10 || page.Span.From != 51 || page.Span.Total != 60 || page.Span.Next != 0 || page.Letters[0].ID != "card-50" {
		t.Errorf("the second page is %+v, want the last 10 of 60", page)
	}
	if some := b.letters(`?filter=` + url.QueryEscape(`error="mailbox",header.tenant=blue`)); some.Matched != 3 {
		t.Errorf("%d match the filter, want 3", some.Matched)
	}
	if status, text := b.request(http.MethodGet, "api/deadletters/"+b.queue+"?filter=nonsense%3D1", nil); status != http.StatusBadRequest {
		t.Errorf("a wrong filter: status %d: %s", status, text)
	}
	letter := b.page("deadletters/" + b.queue + "/letter?id=mail-1")
	for _, want := range []string{"mailbox full", "tenant", "blue", `&#34;n&#34;: 1`, "History"} {
		if !strings.Contains(letter, want) {
			t.Errorf("the dead letter does not show %q:\n%s", want, letter)
		}
	}
	if status, _ := b.request(http.MethodGet, "deadletters/"+b.queue+"/letter?id=other", nil); status != http.StatusNotFound {
		t.Errorf("an unknown id: status %d, want 404", status)
	}
	if n := rabbit.Depth(t, b.channel, b.dlq); n != 63 {
		t.Errorf("%d dead letters after reading them, want 63", n)
	}
}

func TestAGroupIsCountedReplayedWithCanariesAndDiscarded(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.fail(8, "card", "card was declined")
	b.fail(2, "mail", "mailbox full")
	var fingerprint string
	for _, g := range b.letters("").Groups {
		if g.Count == 8 {
			fingerprint = g.Fingerprint
		}
	}
	path := "deadletters/" + b.queue
	if status, d := b.act(path+"/replay", nil); status != http.StatusBadRequest {
		t.Errorf("a replay that selects nothing: status %d, %v; want 400", status, d)
	}
	counted := b.job(b.must(path+"/replay", map[string]any{"group": fingerprint, "dry_run": true}))
	if counted.State != "done" || counted.Done != 8 || counted.Skipped != 2 {
		t.Errorf("the count is %+v, want 8 and 2 others", counted)
	}
	stop := b.run(func(context.Context, *message.Message) error { return retry.Permanent(errors.New("card was declined")) })
	stopped := b.job(b.must(path+"/replay", map[string]any{"group": fingerprint, "canary": 2}))
	if stopped.State != "failed" || stopped.Done != 2 || !strings.Contains(stopped.Error, "canary") {
		t.Errorf("a replay whose canaries fail is %+v, want it stopped after 2", stopped)
	}
	stop()
	b.eventually("the canaries are back", func() bool { return rabbit.Depth(t, b.channel, b.dlq) == 10 })
	defer b.run(func(context.Context, *message.Message) error { return nil })()
	good := b.job(b.must(path+"/replay", map[string]any{"group": fingerprint, "canary": 2, "rate": 1000}))
	if good.State != "done" || good.Done != 8 || good.By != "api" || !strings.Contains(good.Canary, "2 of 2") {
		t.Errorf("the replay is %+v, want 8 done and two canaries", good)
	}
	if status, d := b.act(path+"/discard", map[string]any{"all": true, "confirm": "no"}); status != http.StatusBadRequest {
		t.Errorf("a discard that is not confirmed: status %d, %v; want 400", status, d)
	}
	if gone := b.job(b.must(path+"/discard", map[string]any{"all": true, "confirm": b.queue})); gone.State != "done" || gone.Done != 2 {
		t.Errorf("the discard is %+v, want 2 done", gone)
	}
	if left := b.letters(""); left.Read != 0 {
		t.Errorf("%d dead letters are left, want none", left.Read)
	}
}

func TestAReplayIsCancelled(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.fail(6, "card", "card was declined")
	d := b.must("deadletters/"+b.queue+"/replay", map[string]any{"all": true, "rate": 0.5})
	var detail begun
	if err := json.Unmarshal(d.Detail, &detail); err != nil {
		t.Fatal(err)
	}
	b.eventually("one is replayed", func() bool {
		var j job
		b.get("jobs/"+detail.Job, &j)
		return j.Done > 0
	})
	b.must("jobs/"+detail.Job+"/cancel", nil)
	if j := b.job(d); j.State != "cancelled" || j.Done == 0 || j.Done == 6 {
		t.Errorf("the action is %+v, want it cancelled in between", j)
	}
}

func TestADeadLetterIsEditedWithADiffAndACheck(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *console.Config) {
		c.Check = func(_ string, m *message.Message) error {
			var v struct {
				N int `json:"n"`
			}
			if err := json.Unmarshal(m.Body, &v); err != nil || v.N < 10 {
				return fmt.Errorf("n is %d, want 10 or more", v.N)
			}
			return nil
		}
	})
	b.fail(1, "card", "card was declined")
	path := "deadletters/" + b.queue
	status, text := b.request(http.MethodPost, path+"/preview", strings.NewReader(url.Values{"id": {"card-0"}, "body": {"{\r\n  \"n\": 5\r\n}"}}.Encode()),
		"Content-Type", "application/x-www-form-urlencoded")
	if status != http.StatusOK || !strings.Contains(text, "n is 5, want 10 or more") || !strings.Contains(text, `class="minus">-   &#34;n&#34;: 0`) || !strings.Contains(text, `class="plus">&#43;   &#34;n&#34;: 5`) {
		t.Errorf("the preview: status %d:\n%s", status, text)
	}
	if status, d := b.act(path+"/edit", map[string]any{"id": "card-0", "body": `{"n":5}`}); status != http.StatusUnprocessableEntity {
		t.Errorf("an edit that the check refuses: status %d, %v; want 422", status, d)
	}
	got := make(chan *message.Message, 1)
	defer b.run(func(_ context.Context, m *message.Message) error {
		got <- m
		return nil
	})()
	b.must(path+"/edit", map[string]any{"id": "card-0", "body": map[string]int{"n": 12}, "headers": "tenant\nshift=night"})
	m := <-got
	if string(m.Body) != `{"n":12}` || m.Headers["tenant"] != nil || m.Headers.String("shift") != "night" {
		t.Errorf("the worker got %s with headers %v", m.Body, m.Headers)
	}
	if status, d := b.act(path+"/edit", map[string]any{"id": "card-0", "body": `{"n":13}`}); status != http.StatusNotFound || !strings.Contains(d.Error, "another operator") {
		t.Errorf("a second edit: status %d, %v; want 404", status, d)
	}
}

func TestDeadLettersAreExportedForTheCommandLine(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.fail(2, "card", "card was declined")
	file := b.page("deadletters/" + b.queue + "/export?filter=" + url.QueryEscape("id=card-1"))
	if strings.Count(file, "\n") != 1 || !strings.Contains(file, `"id":"card-1"`) {
		t.Fatalf("the export is %q", file)
	}
	result, err := deadletter.New(b.cfg).Import(t.Context(), strings.NewReader(file), deadletter.Import{DryRun: true})
	if err != nil || result.Done != 1 {
		t.Errorf("importing the export: %+v, %v", result, err)
	}
}

func TestAMessageIsPublishedFromTheForm(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	got := make(chan *message.Message, 1)
	defer b.run(func(_ context.Context, m *message.Message) error {
		got <- m
		return nil
	})()
	b.must("publish", map[string]any{"key": b.queue, "body": `{"hello":"world"}`, "headers": "tenant=blue"})
	if m := <-got; string(m.Body) != `{"hello":"world"}` || m.ContentType != "application/json" || m.Headers.String("tenant") != "blue" {
		t.Errorf("the worker got %s as %s with %v", m.Body, m.ContentType, m.Headers)
	}
	for name, arguments := range map[string]map[string]any{
		"a queue that does not exist": {"key": "no-such-queue", "body": "x"},
		"a header of Warren's own":    {"key": b.queue, "body": "x", "headers": "warren-attempt=3"},
		"no address":                  {"body": "x"},
		"a negative delay":            {"key": b.queue, "delay": "-3s"},
	} {
		if status, d := b.act("publish", arguments); status < 400 || status >= 500 {
			t.Errorf("%s: status %d, %v; want an error of the caller", name, status, d)
		}
	}
}
