package cloudevents_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/codec"
	"github.com/warren-mq/warren/codec/cloudevents"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

var at = time.Date(2026, 11, 23, 1, 2, 3, 0, time.UTC)

func published(t *testing.T, c handler.Codec, v any) *message.Message {
	t.Helper()
	marshaler, ok := c.(interface {
		MarshalMessage(ctx context.Context, m *message.Message, v any) error
	})
	if !ok {
		t.Fatalf("%T has no method MarshalMessage", c)
	}
	m := &message.Message{ID: "id-1", RoutingKey: "user.signed_up", Timestamp: at, Headers: message.Headers{"tenant": "blue"}}
	if err := marshaler.MarshalMessage(t.Context(), m, v); err != nil {
		t.Fatal(err)
	}
	return m
}

// handled returns the value that a handler of T got.
func handled[T any](t *testing.T, c handler.Codec, m *message.Message) (got T, err error) {
	t.Helper()
	err = handler.Typed(func(_ context.Context, v T) error {
		got = v
		return nil
	}, handler.WithCodec(c)).Handle(t.Context(), m)
	return got, err
}

func TestBinaryMode(t *testing.T) {
	t.Parallel()
	m := published(t, cloudevents.New(cloudevents.Config{Source: "/accounts"}), map[string]int{"n": 1})
	want := message.Headers{
		"tenant": "blue", "cloudEvents_specversion": "1.0", "cloudEvents_id": "id-1", "cloudEvents_source": "/accounts",
		"cloudEvents_type": "user.signed_up", "cloudEvents_time": "2026-11-23T01:02:03Z",
	}
	if !reflect.DeepEqual(m.Headers, want) || string(m.Body) != `{"n":1}` || m.ContentType != "application/json" || m.Type != "user.signed_up" {
		t.Errorf("got %s, %s, %s, %v", m.Body, m.ContentType, m.Type, m.Headers)
	}
}

func TestStructuredMode(t *testing.T) {
	t.Parallel()
	m := published(t, cloudevents.New(cloudevents.Config{Source: "/accounts", Structured: true}), map[string]int{"n": 1})
	want := `{"data":{"n":1},"datacontenttype":"application/json","id":"id-1","source":"/accounts","specversion":"1.0","time":"2026-11-23T01:02:03Z","type":"user.signed_up"}`
	if string(m.Body) != want || m.ContentType != "application/cloudevents+json" || len(m.Headers) != 1 {
		t.Errorf("got %s, %s, %v", m.Body, m.ContentType, m.Headers)
	}
}

func TestEventsComeBackInBothModes(t *testing.T) {
	t.Parallel()
	sent := cloudevents.Event{
		ID: "e-7", Source: "/orders", Type: "com.example.paid", Subject: "order 7", DataSchema: "https://example.com/paid", Time: at,
		Extensions: map[string]string{"tenant": "blue", "sampledrate": "30"}, Data: []byte(`{"n":1}`),
	}
	for _, structured := range []bool{false, true} {
		c := cloudevents.New(cloudevents.Config{Source: "/accounts", Structured: structured})
		m := published(t, c, &sent)
		if m.ID != "e-7" || m.Type != "com.example.paid" {
			t.Errorf("the message has the id %s and the type %s", m.ID, m.Type)
		}
		want := sent
		want.DataContentType = "application/json"
		other := cloudevents.New(cloudevents.Config{Source: "/other", Structured: !structured})
		if got, err := handled[cloudevents.Event](t, other, m); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("structured %v: got %+v, %v; want %+v", structured, got, err, want)
		}
		if got, err := handled[struct{ N int }](t, other, m); err != nil || got.N != 1 {
			t.Errorf("structured %v: got the data %+v, %v", structured, got, err)
		}
	}
}

func TestDataThatIsNotJSON(t *testing.T) {
	t.Parallel()
	for _, structured := range []bool{false, true} {
		c := cloudevents.New(cloudevents.Config{Source: "/a", Structured: structured, Data: handler.Raw()})
		m := published(t, c, "\xff\x00")
		if got, err := handled[[]byte](t, c, m); string(got) != "\xff\x00" || err != nil {
			t.Errorf("structured %v: got %q, %v from %s", structured, got, err, m.Body)
		}
	}
	text := &message.Message{ContentType: "application/cloudevents+json; charset=utf-8", Body: []byte(
		`{"specversion":"1.0","id":"1","source":"/a","type":"t","datacontenttype":"text/plain","data":"hello","subject":null,"rate":3,"on":true}`)}
	e, err := handled[cloudevents.Event](t, cloudevents.New(cloudevents.Config{Source: "/a", Data: handler.Raw()}), text)
	if data, ok := e.Data.([]byte); err != nil || !ok || string(data) != "hello" || e.Extensions["rate"] != "3" || e.Extensions["on"] != "true" {
		t.Errorf("got %+v, %v", e, err)
	}
}

// TestHeadersOfOtherClients: other clients write the older prefix, bytes, and AMQP timestamps.
func TestHeadersOfOtherClients(t *testing.T) {
	t.Parallel()
	m := &message.Message{ContentType: "application/json", Body: []byte(`"x"`), Headers: message.Headers{
		"cloudEvents:specversion": []byte("1.0"), "cloudEvents:id": "1", "cloudEvents:source": "/a", "cloudEvents:type": "t",
		"cloudEvents:time": at, "cloudEvents:rate": int64(3), "other": "x",
	}}
	e, err := handled[cloudevents.Event](t, cloudevents.New(cloudevents.Config{Source: "/a"}), m)
	if err != nil || !e.Time.Equal(at) || e.Extensions["rate"] != "3" || len(e.Extensions) != 1 {
		t.Errorf("got %+v, %v", e, err)
	}
}

func TestMessagesThatAreNoEvents(t *testing.T) {
	t.Parallel()
	const begin = `{"specversion":"1.0","id":"1","source":"/a","type":"t"`
	for _, tt := range []struct{ name, kind, body, want string }{
		{"neither headers nor type", "application/json", "1", "is not a CloudEvent"},
		{"an envelope that is not JSON", "", "x", "the body is not an event"},
		{"no specversion", "", `{"id":"1"}`, "specversion is missing"},
		{"another specversion", "", `{"specversion":"0.3"}`, `the specversion is "0.3", want 1.0`},
		{"missing attributes", "", `{"specversion":"1.0","id":""}`, "the attribute source is missing"},
		{"data twice", "", begin + `,"data":1,"data_base64":""}`, "has data and data_base64"},
		{"bad base64", "", begin + `,"data_base64":"!"}`, "data_base64 is not base64"},
		{"a bad time", "", begin + `,"time":"noon"}`, "want a time of RFC 3339"},
		{"an attribute that is an object", "", begin + `,"x":{}}`, "want a string, a number or a boolean"},
		{"a bad name", "", begin + `,"X-y":"1"}`, `the extension is named "X-y"`},
		{"data of another type", "", begin + `,"datacontenttype":"text/csv","data":"a,b"}`, `the data has the content type "text/csv"`},
		{"data that does not fit", "", begin + `,"data":"x"}`, "cannot unmarshal string"},
		{"no data", "", begin + `}`, "unexpected end of JSON input"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := &message.Message{ContentType: tt.kind, Body: []byte(tt.body)}
			if tt.kind == "" {
				m.ContentType = "application/cloudevents+json"
			}
			_, err := handled[int](t, cloudevents.New(cloudevents.Config{Source: "/a"}), m)
			if _, ok := errors.AsType[*handler.DecodeError](err); !ok || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want a *DecodeError with %q", err, tt.want)
			}
		})
	}
}

func TestEventsThatCannotBePublished(t *testing.T) {
	t.Parallel()
	c := cloudevents.New(cloudevents.Config{Source: "/a", Structured: true})
	for want, v := range map[string]any{
		"the event is nil":              (*cloudevents.Event)(nil),
		"the attribute type is missing": 1,
		`the extension is named "data"`: cloudevents.Event{Type: "t", Extensions: map[string]string{"data": "x"}},
		"and is not JSON":               cloudevents.Event{Type: "t", Data: []byte("x")},
		"unsupported type: func()":      cloudevents.Event{Type: "t", Data: func() {}},
		"the event has 101 extensions":  cloudevents.Event{Type: "t", Extensions: many(101)},
	} {
		m := &message.Message{ID: "1"}
		if err := c.MarshalMessage(t.Context(), m, v); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if _, err := c.Marshal(1); err == nil {
		t.Error("Marshal encoded an event without a message")
	}
	if err := c.Unmarshal([]byte("1"), new(int)); err == nil {
		t.Error("Unmarshal decoded an event without a message")
	}
	defer func() {
		if got := recover(); got != "cloudevents: New got an empty Source, want a URI" {
			t.Errorf("recovered %v", got)
		}
	}()
	cloudevents.New(cloudevents.Config{})
}

func many(n int) map[string]string {
	all := make(map[string]string)
	for i := range n {
		all[fmt.Sprintf("x%d", i)] = "x"
	}
	return all
}

func TestCompressedEvents(t *testing.T) {
	t.Parallel()
	for _, structured := range []bool{false, true} {
		c := codec.New(cloudevents.New(cloudevents.Config{Source: "/a", Structured: structured}), codec.Gzip(codec.Limits{}))
		text := strings.Repeat("x", 5000)
		m := published(t, c, text)
		if got, err := handled[string](t, c, m); got != text || err != nil || m.ContentEncoding != "gzip" {
			t.Errorf("structured %v: got %d bytes, %v, encoding %q", structured, len(got), err, m.ContentEncoding)
		}
	}
}

func ExampleNew() {
	events := cloudevents.New(cloudevents.Config{Source: "https://example.com/accounts"})
	m := &message.Message{ID: "018f3c", RoutingKey: "user.signed_up"}
	err := events.MarshalMessage(context.Background(), m, map[string]string{"email": "alice@example.com"})
	fmt.Println(m.Headers["cloudEvents_type"], string(m.Body), err)

	h := handler.Typed(func(_ context.Context, e cloudevents.Event) error {
		fmt.Println(e.Source, e.Type, e.ID)
		return nil
	}, handler.WithCodec(events))
	fmt.Println(h.Handle(context.Background(), m))
	// Output:
	// user.signed_up {"email":"alice@example.com"} <nil>
	// https://example.com/accounts user.signed_up 018f3c
	// <nil>
}

func FuzzOpenMessage(f *testing.F) {
	f.Add("application/cloudevents+json", `{"specversion":"1.0","id":"1","source":"/a","type":"t","data":1}`, "")
	f.Add("application/json", `1`, "1.0")
	c := cloudevents.New(cloudevents.Config{Source: "/a"})
	structured := cloudevents.New(cloudevents.Config{Source: "/a", Structured: true})
	f.Fuzz(func(t *testing.T, kind, body, version string) {
		m := &message.Message{ContentType: kind, Body: []byte(body), Headers: message.Headers{
			"cloudEvents_specversion": version, "cloudEvents_id": "1", "cloudEvents_source": "/a", "cloudEvents_type": "t",
		}}
		opened, inner, err := c.OpenMessage(t.Context(), m)
		if err != nil {
			return
		}
		var e cloudevents.Event
		if err := inner.Unmarshal(opened.Body, &e); err != nil {
			t.Fatal(err)
		}
		if data, ok := e.Data.([]byte); !ok || !json.Valid(data) {
			return
		}
		if err := structured.MarshalMessage(t.Context(), new(message.Message), e); err != nil {
			t.Fatalf("%+v was decoded and cannot be encoded: %v", e, err)
		}
	})
}
