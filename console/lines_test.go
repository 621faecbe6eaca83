package console_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

const asForm = "application/x-www-form-urlencoded"

// TestLineBreaksAreOfTheProgramThatPublishes: only browsers change them, in forms.
func TestLineBreaksAreOfTheProgramThatPublishes(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	got := make(chan string, 1)
	defer b.run(func(_ context.Context, m *message.Message) error {
		got <- string(m.Body)
		return nil
	})()
	b.must("publish", map[string]any{"key": b.queue, "body": "a\r\nb\rc"})
	if body := <-got; body != "a\r\nb\rc" {
		t.Errorf("published by JSON, the body is %q, want it unchanged", body)
	}
	form := url.Values{"key": {b.queue}, "body": {"a\r\nb"}}
	if status, text := b.request(http.MethodPost, "publish", strings.NewReader(form.Encode()), "Content-Type", asForm); status != http.StatusSeeOther {
		t.Fatalf("the form: status %d: %s", status, text)
	}
	if body := <-got; body != "a\nb" {
		t.Errorf("published by a form, the body is %q, want a line feed", body)
	}
}

// TestAnEditOfHeadersLeavesTheBodyAsItIs, whatever the form has made of it.
func TestAnEditOfHeadersLeavesTheBodyAsItIs(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"lines of Windows": "a\r\nb\r\n", "lines of HL7": "MSH|a\rPID|b", "JSON in one line": `{"a":[1,2]}`, "plain": "a\nb"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, nil)
			stop := b.run(func(context.Context, *message.Message) error { return retry.Permanent(errors.New("no")) })
			b.publish([]byte(body), broker.WithMessageID("m"))
			b.eventually("the message is a dead letter", func() bool { return rabbit.Depth(t, b.channel, b.dlq) == 1 })
			stop()
			path := "deadletters/" + b.queue
			var shown struct{ Body string }
			b.get(path+"/edit?id=m", &shown)
			asSent := strings.NewReplacer("\r\n", "\r\n", "\r", "\r\n", "\n", "\r\n").Replace(shown.Body)
			form := url.Values{"id": {"m"}, "body": {asSent}, "headers": {"shift=night"}}
			status, page := b.request(http.MethodPost, path+"/preview", strings.NewReader(form.Encode()), "Content-Type", asForm)
			if status != http.StatusOK || strings.Contains(page, `class="minus"`) {
				t.Errorf("the preview: status %d, want no difference:\n%s", status, page)
			}
			if strings.Contains(page, `<textarea name="body" hidden`) {
				t.Error("the form that replays the message has the body, want the headers alone")
			}
			got := make(chan *message.Message, 1)
			defer b.run(func(_ context.Context, m *message.Message) error {
				got <- m
				return nil
			})()
			form.Del("body")
			if status, text := b.request(http.MethodPost, path+"/edit", strings.NewReader(form.Encode()), "Content-Type", asForm); status != http.StatusSeeOther {
				t.Fatalf("the edit: status %d: %s", status, text)
			}
			if m := <-got; string(m.Body) != body || m.Headers.String("shift") != "night" {
				t.Errorf("the worker got %q with headers %v, want the body %q", m.Body, m.Headers, body)
			}
		})
	}
}
