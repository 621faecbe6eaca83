package jsonschema_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/warren-mq/warren/codec"
	"github.com/warren-mq/warren/codec/cloudevents"
	"github.com/warren-mq/warren/codec/jsonschema"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

const signedUp = `{
	"type": "object",
	"required": ["email"],
	"properties": {"email": {"type": "string", "format": "email"}, "age": {"type": "integer", "minimum": 1}}
}`

func schemas(t *testing.T) *jsonschema.Schemas {
	t.Helper()
	s, err := jsonschema.Compile(map[string]string{"user.signed_up": signedUp, "user.*": `{"type":"object"}`, "secret.#": "false"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestBodiesAreCheckedByTheirRoutingKey(t *testing.T) {
	t.Parallel()
	c := schemas(t).Codec(handler.JSON())
	h := handler.Typed(func(context.Context, any) error { return nil }, handler.WithCodec(c))
	for _, tt := range []struct{ name, key, body, want string }{
		{"a body that fits", "user.signed_up", `{"email":"a@example.com"}`, ""},
		{"a missing field", "user.signed_up", `{}`, `the body breaks the schema of "user.signed_up" at /required`},
		{"two faults", "user.signed_up", `{"email":"secret","age":0}`, "at /properties/age/minimum, /properties/email/format"},
		{"a wrong type", "user.signed_up", `{"email":1}`, "at /properties/email/type"},
		{"another key", "user.deleted", `[]`, `the schema of "user.*" at /type`},
		{"a key that matches no pattern", "order.paid", `[]`, ""},
		{"a key that is refused", "secret.x", `{}`, `the schema of "secret.#" at /`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := &message.Message{RoutingKey: tt.key, Body: []byte(tt.body)}
			for moment, err := range map[string]error{
				"consume": h.Handle(t.Context(), m),
				"publish": c.MarshalMessage(t.Context(), &message.Message{RoutingKey: tt.key}, []byte(tt.body)),
			} {
				_, invalid := errors.AsType[*handler.InvalidError](err)
				if invalid != (tt.want != "") || invalid && (!strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret\"}")) {
					t.Errorf("%s: got %v, want %q", moment, err, tt.want)
				}
			}
		})
	}
}

func TestABodyThatIsNotJSONCannotBeDecoded(t *testing.T) {
	t.Parallel()
	c := schemas(t).Codec(handler.JSON())
	_, _, err := c.OpenMessage(t.Context(), &message.Message{RoutingKey: "user.x", Body: []byte("x")})
	if _, ok := errors.AsType[*handler.DecodeError](err); !ok {
		t.Errorf("got %v, want a *DecodeError", err)
	}
	if err := c.MarshalMessage(t.Context(), new(message.Message), func() {}); err == nil {
		t.Error("a function was encoded")
	}
	if _, err := c.Marshal(1); err == nil {
		t.Error("Marshal encoded a body without a check")
	}
	if err := c.Unmarshal([]byte("1"), new(int)); err == nil {
		t.Error("Unmarshal decoded a body without a check")
	}
}

func TestSchemasThatCannotBeCompiled(t *testing.T) {
	t.Parallel()
	_, err := jsonschema.Compile(map[string]string{
		"a":    `{"type":"strng"}`,
		"b":    `{`,
		"a.b*": `true`,
		"file": `{"$ref":"file:///etc/passwd"}`,
		"web":  `{"$ref":"https://example.com/schema"}`,
	})
	for _, want := range []string{`schema of "a": `, `schema of "b": `, `schema of "a.b*": `, `schema of "file": `, "want references to its own parts", `schema of "web": `} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestTheDataOfEventsIsChecked wraps the codec of the data, so that both modes are checked.
func TestTheDataOfEventsIsChecked(t *testing.T) {
	t.Parallel()
	for _, structured := range []bool{false, true} {
		config := cloudevents.Config{Source: "/a", Structured: structured, Data: schemas(t).Codec(handler.JSON())}
		c := codec.New(cloudevents.New(config), codec.Gzip(codec.Limits{MinBytes: -1}))
		m := &message.Message{ID: "1", RoutingKey: "user.signed_up"}
		if err := c.MarshalMessage(t.Context(), m, map[string]string{}); err == nil || !strings.Contains(err.Error(), "/required") {
			t.Errorf("structured %v: got %v", structured, err)
		}
		unchecked := cloudevents.New(cloudevents.Config{Source: "/a", Structured: structured})
		m = &message.Message{ID: "1", RoutingKey: "user.signed_up"}
		if err := unchecked.MarshalMessage(t.Context(), m, map[string]string{}); err != nil {
			t.Fatal(err)
		}
		err := handler.Typed(func(context.Context, any) error { return nil }, handler.WithCodec(c)).Handle(t.Context(), m)
		if _, ok := errors.AsType[*handler.InvalidError](err); !ok {
			t.Errorf("structured %v: got %v, want an *InvalidError", structured, err)
		}
	}
}

func ExampleCompile() {
	schemas, err := jsonschema.Compile(map[string]string{"user.signed_up": signedUp})
	if err != nil {
		fmt.Println(err)
		return
	}
	bodies := schemas.Codec(handler.JSON()) // for broker.WithCodec and handler.WithCodec
	m := &message.Message{RoutingKey: "user.signed_up"}
	fmt.Println(bodies.MarshalMessage(context.Background(), m, map[string]string{"email": "alice"}))
	// Output:
	// handler: invalid payload: jsonschema: the body breaks the schema of "user.signed_up" at /properties/email/format
}

func FuzzCheck(f *testing.F) {
	f.Add("user.signed_up", []byte(`{"email":"a@example.com","age":3}`))
	f.Add("user.x", []byte(`[[[`))
	s, err := jsonschema.Compile(map[string]string{"user.signed_up": signedUp, "user.*": `{"type":"object"}`})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, key string, body []byte) {
		if broken, ok := errors.AsType[*jsonschema.Error](s.Check(key, body)); ok && len(broken.Places) == 0 {
			t.Fatalf("%q is refused without a place", body)
		}
	})
}
