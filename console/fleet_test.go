package console_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/worker"
)

func TestAQueueIsPausedScaledAndResumedEverywhere(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	defer b.run(func(context.Context, *message.Message) error { return nil })()
	defer b.run(func(context.Context, *message.Message) error { return nil })()
	b.state("both processes are shown", func(s queueState) bool { return len(s.Members) == 2 && s.Consumers == 2 })

	if d := b.must("queues/"+b.queue+"/pause", nil); !strings.Contains(d.Text, "on 2 processes") {
		t.Errorf("pause said %q, want both processes", d.Text)
	}
	paused := b.state("both are paused", func(s queueState) bool {
		return len(s.Members) == 2 && s.Members[0].State == "paused" && s.Members[1].State == "paused"
	})
	if len(paused.Problems) == 0 || !strings.Contains(paused.Problems[0].Text, "is paused everywhere (2 processes)") {
		t.Errorf("the problems are %v, want that the queue is paused everywhere", paused.Problems)
	}
	b.must("queues/"+b.queue+"/scale", map[string]any{"concurrency": 7, "process": paused.Members[0].Process})
	b.must("queues/"+b.queue+"/resume", nil)
	b.state("both consume, and one is scaled", func(s queueState) bool {
		return len(s.Members) == 2 && s.Members[0].State == "consuming" && s.Members[1].State == "consuming" && s.Concurrency == 11
	})
	if log := b.log.String(); !strings.Contains(log, "user=api") || !strings.Contains(log, "action=queues/{queue}/scale") || !strings.Contains(log, "concurrency=7") {
		t.Errorf("the log does not say who scaled the queue:\n%s", log)
	}
	if status, d := b.act("queues/"+b.queue+"/scale", map[string]any{"concurrency": 0}); status != http.StatusBadRequest {
		t.Errorf("scaling to 0: status %d, %s; want 400", status, d.Error)
	}
	if status, _ := b.act("queues/no-such-queue/pause", nil); status != http.StatusNotFound {
		t.Errorf("pausing a queue that no process has: status %d, want 404", status)
	}
}

func TestAHangingHandlerShowsItsStackAndIsCancelled(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	defer b.run(hangForTheConsole)()
	b.publish("x", broker.WithMessageID("hanging one/1"))
	s := b.state("the message is in hand", func(s queueState) bool { return len(s.Messages) == 1 })
	process, id := s.Messages[0].Process, s.Messages[0].ID
	if id != "hanging one/1" {
		t.Fatalf("message %q is in hand", id)
	}
	if page := b.page("working/" + process + "?" + url.Values{"id": {id}}.Encode()); !strings.Contains(page, "hangForTheConsole") {
		t.Errorf("the stack does not name the handler:\n%s", page)
	}
	if status, _ := b.act("working/"+process+"/cancel", map[string]any{"id": id, "verdict": "drop"}); status != http.StatusBadRequest {
		t.Errorf("an unknown verdict: status %d, want 400", status)
	}
	b.must("working/"+process+"/cancel", map[string]any{"id": id, "verdict": "dead-letter"})
	b.eventually("the message is a dead letter", func() bool { return rabbit.Depth(t, b.channel, b.dlq) == 1 })
	if page := b.page("working/" + process + "?" + url.Values{"id": {id}}.Encode()); !strings.Contains(page, "no such message in hand") {
		t.Errorf("the page of a message that is not in hand:\n%s", page)
	}
}

func hangForTheConsole(ctx context.Context, _ *message.Message) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

func TestADelayedMessageIsRunNowOrCancelled(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	got := make(chan string, 4)
	defer b.run(func(_ context.Context, m *message.Message) error {
		got <- m.ID
		return nil
	})()
	for _, id := range []string{"later", "never"} {
		b.publish("x", broker.WithMessageID(id), broker.WithDelay(40_000_000_000))
	}
	list := "delayed/" + b.queue + ".delay"
	var delays struct {
		Held     int
		Messages []struct{ ID string }
	}
	b.eventually("both are held", func() bool {
		status, _ := b.request(http.MethodGet, "api/"+list, nil)
		if status != http.StatusOK {
			return false // the process has not announced the parking queue yet
		}
		b.get(list, &delays)
		return delays.Held == 2 && len(delays.Messages) == 2
	})
	if page := b.page(list + "/message?id=later"); !strings.Contains(page, "its due time") || !strings.Contains(page, "Run now") {
		t.Errorf("the page of the message:\n%s", page)
	}
	b.must(list+"/cancel", map[string]any{"id": "never"})
	b.must(list+"/run-now", map[string]any{"id": "later"})
	if id := <-got; id != "later" {
		t.Errorf("message %q was handled, want the one that was run now", id)
	}
	if status, _ := b.act(list+"/run-now", map[string]any{"id": "never"}); status != http.StatusNotFound {
		t.Errorf("running a cancelled message: status %d, want 404", status)
	}
}

func TestAProcessIsDrained(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	stop := b.run(func(context.Context, *message.Message) error { return nil }, func(q *worker.Queue) { q.Concurrency = 2 })
	s := b.state("the process is shown", func(s queueState) bool { return len(s.Members) == 1 })
	b.must("processes/"+s.Members[0].Process+"/drain", nil)
	b.state("the process has ended", func(s queueState) bool { return len(s.Members) == 0 })
	stop()
	if status, _ := b.act("processes/"+s.Members[0].Process+"/drain", nil); status != http.StatusNotFound {
		t.Errorf("draining it again: status %d, want 404", status)
	}
	var processes struct {
		Commands []struct{ What, By string }
	}
	b.get("processes", &processes)
	if !slices.ContainsFunc(processes.Commands, func(c struct{ What, By string }) bool { return c.What == "drain" && c.By != "" }) {
		t.Errorf("the commands are %v, want the drain and its user", processes.Commands)
	}
}

func TestTheOverviewIsUpdatedByItself(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Accept", "text/event-stream")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }() // the stream has no end
	if kind := answer.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Fatalf("the stream is %q", kind)
	}
	defer b.run(func(context.Context, *message.Message) error { return nil })()
	buffer, seen := make([]byte, 64<<10), ""
	for !strings.Contains(seen, "data: <div id=\"state\">") || !strings.Contains(seen, "Ready") {
		n, err := answer.Body.Read(buffer)
		if err != nil {
			t.Fatalf("the stream ended: %v", err)
		}
		seen += string(buffer[:n])
	}
}
