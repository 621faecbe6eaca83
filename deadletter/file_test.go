package deadletter_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/deadletter"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

// oddities are dead letters with every property, and with a body and texts that are not
// valid UTF-8.
func oddities() []amqp.Publishing {
	return []amqp.Publishing{
		{MessageId: "json", Body: []byte(`{"a": 1e400, "b":"<\u0000>"}`), ContentType: "application/json", Priority: 4, Type: "t", Timestamp: time.Unix(1_700_000_000, 0)},
		{MessageId: "lines", Body: []byte("{\n}"), CorrelationId: "c\xff", ReplyTo: "r", AppId: "a", ContentEncoding: "e", DeliveryMode: amqp.Persistent},
		{MessageId: "binary", Body: []byte{0, 255, '\n'}, Headers: amqp.Table{"n": int32(7), "deep": amqp.Table{"b": []byte{1}}, "at": time.Unix(1, 0)}},
		{MessageId: "empty"},
	}
}

func TestImportRestoresExportedDeadLetters(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.failed(2)
	for _, p := range oddities() {
		b.put(p)
	}
	before := b.read()
	var file bytes.Buffer
	if n, err := b.client.Export(t.Context(), b.dlq, deadletter.Filter{}, &file); err != nil || n != len(before) || bytes.Count(file.Bytes(), []byte("\n")) != n {
		t.Fatalf("exported %d, %v:\n%s", n, err, &file)
	}
	if _, err := b.client.Purge(t.Context(), b.dlq); err != nil {
		t.Fatal(err)
	}
	want := deadletter.Result{Total: len(before), Done: len(before)}
	for _, dry := range []bool{true, false} {
		result, err := b.client.Import(t.Context(), bytes.NewReader(file.Bytes()), deadletter.Import{DryRun: dry})
		if err != nil || result != want {
			t.Errorf("imported %+v, %v; want %+v", result, err, want)
		}
	}
	after := b.read()
	if len(after) != len(before) {
		t.Fatalf("%d dead letters came back, want %d", len(after), len(before))
	}
	for i := range before {
		after[i].Message.Transient = before[i].Message.Transient // dead letters are kept on disk
		if !reflect.DeepEqual(after[i], before[i]) {
			t.Errorf("came back\n%+v, want\n%+v", after[i], before[i])
		}
	}
}

func TestImportThatReplays(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.failed(3)
	var file bytes.Buffer
	if _, err := b.client.Export(t.Context(), b.dlq, deadletter.Filter{Limit: 2}, &file); err != nil {
		t.Fatal(err)
	}
	result, err := b.client.Import(t.Context(), &file, deadletter.Import{Replay: true, By: "alice"})
	if err != nil || result.Done != 2 || b.depth(b.dlq) != 3 {
		t.Errorf("the result is %+v, %v", result, err)
	}
	all := b.drain(b.queue.Name)
	if len(all) != 2 || all[0].MessageId != "letter-0" || message.Headers(all[0].Headers).String(record.HeaderReplayedBy) != "alice" {
		t.Errorf("in the work queue are %+v", all)
	}
}

func TestImportNamesTheFaultOfALine(t *testing.T) {
	t.Parallel()
	good := `{"warren_dead_letter":1,"queue":"no-such-queue.dlq","id":"m","reason":"error","exchange":"","routing_key":"k","headers":{}}`
	tests := map[string]struct{ file, want string }{
		"no JSON":                 {"hello", "line 1: "},
		"an unknown name":         {strings.Replace(good, `"id"`, `"idd"`, 1), `"idd"`},
		"another format":          {strings.Replace(good, `letter":1`, `letter":2`, 1), "want 1"},
		"no queue":                {strings.Replace(good, "no-such-queue.dlq", "", 1), "queue is empty"},
		"two dead letters a line": {good + good, "one dead letter a line"},
		"a header of no type":     {strings.Replace(good, `"headers":{}`, `"headers":{"a":1.5}`, 1), `header "a"`},
		"a name of 256 bytes":     {strings.Replace(good, `"headers":{}`, `"headers":{"`+strings.Repeat("a", 256)+`":1}`, 1), "256 bytes"},
		"a line that is large":    {"\n" + strings.Repeat(" ", 2000), "line 2: "},
	}
	deadLetters := deadletter.New(broker.Config{})
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result, err := deadLetters.Import(t.Context(), strings.NewReader(tt.file), deadletter.Import{DryRun: true, MaxLineBytes: 1000})
			if line, ok := errors.AsType[*deadletter.LineError](err); !ok || line.Line < 1 || !strings.Contains(err.Error(), tt.want) || result.Done != 0 {
				t.Errorf("got %+v, %v; want a LineError with %q", result, err, tt.want)
			}
		})
	}
	b := newBench(t)
	if _, err := deadletter.New(b.cfg).Import(t.Context(), strings.NewReader(good), deadletter.Import{}); !errors.Is(err, broker.ErrUnroutable) {
		t.Errorf("got %v for a queue that is not there, want ErrUnroutable", err)
	}
	many := strings.Repeat("x\n", 20)
	_, err := deadLetters.Import(t.Context(), strings.NewReader(many), deadletter.Import{DryRun: true})
	if n := strings.Count(fmt.Sprint(err), "deadletter: line"); n != 10 {
		t.Errorf("%d lines are reported, want 10", n)
	}
}

// FuzzUnmarshal checks that a line that was read can be written and read again unchanged.
func FuzzUnmarshal(f *testing.F) {
	for _, p := range oddities() {
		m := message.Message{ID: p.MessageId, Body: p.Body, CorrelationID: p.CorrelationId, Headers: message.Headers(p.Headers)}
		line, err := deadletter.Marshal(&deadletter.DeadLetter{Message: m, Queue: "work.dlq"})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		dlq, m, err := deadletter.Unmarshal(data)
		if err != nil {
			return
		}
		line, err := deadletter.Marshal(&deadletter.DeadLetter{Message: *m, Queue: dlq})
		if err != nil {
			t.Fatal(err)
		}
		again, copied, err := deadletter.Unmarshal(line)
		if err != nil || again != dlq || !bytes.Equal(copied.Body, m.Body) || copied.ID != m.ID || len(copied.Headers) != len(m.Headers) {
			t.Errorf("%s\nbecame %s\n%+v, %v", data, line, copied, err)
		}
		r := deadletter.Restored(dlq, m)
		if slices.Contains([]string{r.Expiration, r.UserID}, "x") || !bytes.Equal(r.Body, m.Body) {
			t.Errorf("restored is %+v", r)
		}
	})
}
