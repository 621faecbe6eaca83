package asyncapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/warren-mq/warren/asyncapi"
	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/codec/cloudevents"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

var update = flag.Bool("update", false, "write testdata/shop.json anew")

type Plan string

type SignedUp struct {
	Email     string    `json:"email"                jsonschema:"format=email"`
	Plan      Plan      `json:"plan"                 jsonschema:"enum=free,enum=paid"`
	At        time.Time `json:"at"`
	InvitedBy *SignedUp `json:"invited_by,omitempty"`
	Tags      []string  `json:"tags,omitempty"`
	Note      string    `json:"note,omitzero"`
}

type Question struct {
	Article string `json:"article"`
}

type Price struct {
	Cents int    `json:"cents"`
	Unit  string `json:"unit,omitempty" jsonschema:"enum=piece,enum=kilo"`
}

func findPrice(context.Context, Question) (Price, error) { return Price{}, nil }

type page[T any] struct {
	Items []T `json:"items"`
}

// official returns the JSON Schema of AsyncAPI 3.0.0, see testdata/asyncapi-specs.
var official = sync.OnceValues(func() (*jsonschema.Schema, error) {
	text, err := os.ReadFile("testdata/asyncapi-specs/3.0.0.json")
	if err != nil {
		return nil, err
	}
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	const address = "http://asyncapi.com/definitions/3.0.0/asyncapi.json"
	c := jsonschema.NewCompiler()
	if err := c.AddResource(address, schema); err != nil {
		return nil, err
	}
	return c.Compile(address)
})

// valid checks a document by the schema of AsyncAPI, and that its references lead somewhere.
func valid(t *testing.T, doc []byte) map[string]any {
	t.Helper()
	schema, err := official()
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	if err := schema.Validate(value); err != nil {
		t.Fatalf("the document is not valid: %v\n%s", err, doc)
	}
	root, _ := value.(map[string]any)
	checkRefs(t, root, root)
	return root
}

func checkRefs(t *testing.T, root map[string]any, value any) {
	t.Helper()
	switch v := value.(type) {
	case []any:
		for _, one := range v {
			checkRefs(t, root, one)
		}
	case map[string]any:
		if text, ok := v["$ref"].(string); ok && at(root, text) == nil {
			t.Errorf("the reference %s leads nowhere", text)
		}
		for _, one := range v {
			checkRefs(t, root, one)
		}
	}
}

// at returns the value at a reference, such as #/channels/queue.mail, or nil.
func at(root map[string]any, ref string) any {
	var value any = root
	for key := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		object, _ := value.(map[string]any)
		value = object[key]
	}
	return value
}

func ignore[T any](context.Context, T) error { return nil }

func shop() *worker.Worker {
	w := worker.New(worker.Config{Broker: broker.Config{URL: "amqp://localhost"}})
	mail := w.Queue(worker.Queue{Name: "welcome-email", Exchange: "events"})
	mail.Handle("user.signed_up", handler.Typed(ignore[SignedUp]))
	mail.Handle("user.*", handler.Func(func(context.Context, *message.Message) error { return nil }))
	rows := w.Queue(worker.Queue{Name: "audit", Exchange: "events", Bindings: []topology.Binding{{Exchange: "billing", Key: "paid"}}})
	rows.HandleBatch("user.signed_up", handler.Batch(ignore[[]SignedUp]), 10, time.Second)
	rows.Handle("#", handler.Typed(ignore[json.RawMessage], handler.WithCodec(handler.Raw())))
	w.Queue(worker.Queue{Name: "pages", PerProcess: true}).Handle("pages", handler.Typed(ignore[page[*SignedUp]]))
	prices := w.Queue(worker.Queue{Name: "prices", Exchange: "events"})
	prices.Handle("price.asked", handler.Replies(findPrice))
	prices.Handle("price.*", handler.ReplyFunc(func(context.Context, *message.Message) (*message.Message, error) { return nil, nil })) //nolint:nilnil // an empty reply
	prices.Handle("price.changed", handler.Typed(ignore[Price]))
	return w
}

func TestDocumentIsValid(t *testing.T) {
	t.Parallel()
	doc, err := asyncapi.Generate(asyncapi.Application{
		Title: "Shop", Version: "1.2.0", Servers: []string{"amqps://user:secret@rabbit.example:5671/shop"},
		Queues: shop().Describe(), Sends: []asyncapi.Send{asyncapi.Calls[Question, Price]("stock", "price.asked"), {Exchange: "events", Key: "report", Schema: json.RawMessage(`{"$id": "urn:a", "$ref": "#/$defs/r", "$defs": {"r": {"type": "object", "properties": {"$ref": {"const": {"$ref": 1}}}}}}`)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	valid(t, doc)
	if bytes.Contains(doc, []byte("secret")) {
		t.Error("the document has the password")
	}
	const file = "testdata/shop.json"
	if *update {
		if err := os.WriteFile(file, doc, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(withoutTraits(t, doc), withoutTraits(t, want)) {
		t.Errorf("the document differs from %s; write it anew with -update, and read the difference:\n%s", file, doc)
	}
}

// withoutTraits returns a document without its list of headers, which other tests check.
func withoutTraits(t *testing.T, doc []byte) map[string]any {
	t.Helper()
	root := valid(t, doc)
	components, _ := root["components"].(map[string]any)
	delete(components, "messageTraits")
	return root
}

func TestSchemasOfGoTypes(t *testing.T) {
	t.Parallel()
	type SignedUp struct{ N int } // the name of a type of another scope
	tests := []struct {
		name string
		h    handler.Handler
		want string // the schema of the payload
	}{
		{"a struct has required and optional fields", handler.Typed(ignore[struct {
			A string `json:"a"`
			B int    `json:"b,omitempty"`
		}]), `{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"integer"}},"required":["a"]}`},
		{"a list of text", handler.Typed(ignore[[]string]), `{"type":"array","items":{"type":"string"}}`},
		{"a map", handler.Typed(ignore[map[string]int]), `{"type":"object","additionalProperties":{"type":"integer"}}`},
		{"any JSON", handler.Typed(ignore[any]), `{}`},
		{"a pointer to a struct", handler.Typed(ignore[*SignedUp]), `{"type":"object","properties":{"N":{"type":"integer"}},"required":["N"]}`},
		{"bytes have no schema", handler.Typed(ignore[[]byte], handler.WithCodec(handler.Raw())), ""},
		{"a plain handler has no schema", handler.Func(func(context.Context, *message.Message) error { return nil }), ""},
		{"a structured CloudEvent has its value inside", handler.Typed(ignore[SignedUp], handler.WithCodec(cloudevents.New(cloudevents.Config{Source: "/a", Structured: true}))), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			q := worker.QueueDescription{WorkQueue: topology.WorkQueue{Name: "q"}, Handlers: []worker.HandlerDescription{worker.DescribeHandler("key", tt.h)}}
			doc, err := asyncapi.Generate(asyncapi.Application{Title: "A", Version: "1", Queues: []worker.QueueDescription{q}})
			if err != nil {
				t.Fatal(err)
			}
			root := valid(t, doc)
			payload, _ := at(root, "#/components/messages/key/payload").(map[string]any)
			got := ""
			if ref, ok := payload["$ref"].(string); ok {
				text, err := json.Marshal(at(root, ref))
				if err != nil {
					t.Fatal(err)
				}
				got = string(text)
			}
			if !sameJSON(got, tt.want) {
				t.Errorf("the schema is %s, want %s", got, tt.want)
			}
		})
	}
}

// TestReplies follows the references of the operations that have a reply.
func TestReplies(t *testing.T) {
	t.Parallel()
	doc, err := asyncapi.Generate(asyncapi.Application{
		Title: "A", Version: "1", Queues: shop().Describe(), Sends: []asyncapi.Send{
			asyncapi.Calls[Question, Price]("stock", "asked"), asyncapi.Calls[Question, []Price]("stock", "asked"), asyncapi.Sends[Question]("stock", "asked"),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	root := valid(t, doc)
	tests := []struct {
		operation, action string
		messages, replies []string // schemas of the payloads; "" if it is not known
	}{
		{"reply.prices.price.asked", "receive", []string{"Question"}, []string{"Price"}},
		{"reply.prices.price.any", "receive", []string{""}, []string{""}},
		{"receive.prices", "receive", []string{"Question", "", "Price"}, nil},
		{"call.stock.asked", "send", []string{"Question"}, []string{"Price", "__asyncapi_test.Price"}},
		{"send.stock.asked", "send", []string{"Question"}, nil},
	}
	for _, tt := range tests {
		o, _ := at(root, "#/operations/"+tt.operation).(map[string]any)
		r, _ := o["reply"].(map[string]any)
		if got, replies := payloads(root, o), payloads(root, r); o["action"] != tt.action || !reflect.DeepEqual(got, tt.messages) || !reflect.DeepEqual(replies, tt.replies) {
			t.Errorf("%s: the messages are %q and the replies %q, want %q and %q", tt.operation, got, replies, tt.messages, tt.replies)
		}
		if address, _ := r["address"].(map[string]any); r != nil && address["location"] != "$message.header#/replyTo" {
			t.Errorf("%s: the address is %v", tt.operation, address)
		}
	}
	if channel, _ := at(root, "#/channels/replies").(map[string]any); channel == nil || channel["address"] != nil {
		t.Errorf("the channel of the replies is %v, want one whose address is null", channel)
	}
}

// payloads returns the names of the schemas of the messages of an operation or a reply.
func payloads(root, o map[string]any) (names []string) {
	all, _ := o["messages"].([]any)
	for _, one := range all {
		inChannel, _ := one.(map[string]any)
		path, _ := inChannel["$ref"].(string)
		entry, _ := at(root, path).(map[string]any)
		path, _ = entry["$ref"].(string)
		m, _ := at(root, path).(map[string]any)
		payload, _ := m["payload"].(map[string]any)
		path, _ = payload["$ref"].(string)
		names = append(names, path[strings.LastIndexByte(path, '/')+1:])
	}
	return names
}

func sameJSON(a, b string) bool {
	var x, y any
	if a == "" || b == "" {
		return a == b
	}
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

func TestGenerateReportsEveryFault(t *testing.T) {
	t.Parallel()
	sends := []asyncapi.Send{
		{Exchange: "e", Key: "a", Schema: json.RawMessage(`{`)},
		{Exchange: "e", Key: "b", Schema: json.RawMessage(`{"items": [{"$ref": "other.json"}]}`)},
		{Exchange: "e", Key: "c", Schema: json.RawMessage(`3`)},
		{Exchange: "e", Key: "d", Schema: json.RawMessage(`{"properties": {"x": {"$anchor": "y"}}}`)},
	}
	q := worker.QueueDescription{WorkQueue: topology.WorkQueue{Name: "q"}, Handlers: []worker.HandlerDescription{worker.DescribeHandler("key", handler.Typed(ignore[chan int]))}}
	_, err := asyncapi.Generate(asyncapi.Application{Servers: []string{"amqp://user:secret@host:bad/"}, Queues: []worker.QueueDescription{q}, Sends: sends})
	if err == nil {
		t.Fatal("Generate returned no error")
	}
	for _, want := range []string{"Title is empty", "Version is empty", "URL in Servers", "chan int", `"a": the schema is not JSON`, "other.json", `"c": the schema is neither`, "$anchor"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the error has the password: %v", err)
	}
}

func TestKeysOfADocumentAreUnique(t *testing.T) {
	t.Parallel()
	doc, err := asyncapi.Generate(asyncapi.Application{Title: "A", Version: "1", Sends: []asyncapi.Send{
		{Exchange: "a b", Key: "x"}, {Exchange: "a_b", Key: "x"}, {Key: "queue ü"}, {Exchange: "a b", Key: "x", ContentType: "text/plain"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	root := valid(t, doc)
	for section, want := range map[string]int{"channels": 3, "operations": 3, "components/messages": 3} {
		if got, _ := at(root, "#/"+section).(map[string]any); len(got) != want {
			t.Errorf("the document has %d %s, want %d:\n%s", len(got), section, want, doc)
		}
	}
}
