package schemadiff_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/warren-mq/warren/asyncapi/schemadiff"
)

// TestSchemas holds the rules: what breaks a consumer, and what breaks a producer.
func TestSchemas(t *testing.T) {
	t.Parallel()
	const (
		none = iota
		consumer
		producer
		both
	)
	tests := []struct {
		name      string
		old, next string
		breaks    int
		path      string // of the first change; "none" if there is none
	}{
		{"nothing has changed", `{"type":"string"}`, `{"type":"string"}`, none, "none"},
		{"a title has changed", `{"title":"a"}`, `{"title":"b","x-a":1}`, none, "none"},
		{"a const is an enum of one value", `{"const":1}`, `{"type":"number","enum":[1]}`, none, "none"},
		{"a type is another one", `{"type":"string"}`, `{"type":"integer"}`, both, "/type"},
		{"a number becomes an integer", `{"type":"number"}`, `{"type":"integer"}`, consumer, "/type"},
		{"an integer becomes a number", `{"type":"integer"}`, `{"type":"number"}`, producer, "/type"},
		{"null is accepted too", `{"type":"string"}`, `{"type":["string","null"]}`, producer, "/type"},
		{"an optional property is new", `{"properties":{}}`, `{"properties":{"a":{}}}`, none, "/properties/a"},
		{"an optional property is new, and old consumers refuse it", `{"additionalProperties":false}`, `{"properties":{"a":{}},"additionalProperties":false}`, producer, "/properties/a"},
		{"an optional property is removed", `{"properties":{"a":{}}}`, `{}`, none, "/properties/a"},
		{"an optional property is removed, and refused", `{"properties":{"a":{}},"additionalProperties":false}`, `{"additionalProperties":false}`, consumer, "/properties/a"},
		{"a required property is new", `{}`, `{"properties":{"a":{}},"required":["a"]}`, consumer, "/properties/a"},
		{"a required property is removed", `{"properties":{"a":{}},"required":["a"]}`, `{}`, producer, "/properties/a"},
		{"a required property is renamed", `{"properties":{"a":{}},"required":["a"]}`, `{"properties":{"b":{}},"required":["b"]}`, both, ""},
		{"a property becomes required", `{"properties":{"a":{}}}`, `{"properties":{"a":{}},"required":["a"]}`, consumer, "/required"},
		{"a property becomes optional", `{"properties":{"a":{}},"required":["a"]}`, `{"properties":{"a":{}}}`, producer, "/required"},
		{"a property has another type", `{"properties":{"a/b":{"type":"string"}}}`, `{"properties":{"a/b":{"type":"null"}}}`, both, "/properties/a~1b/type"},
		{"other properties are refused", `{}`, `{"additionalProperties":false}`, consumer, "/additionalProperties"},
		{"other properties are accepted", `{"additionalProperties":false}`, `{}`, producer, "/additionalProperties"},
		{"an enum shrinks", `{"enum":["a","b"]}`, `{"enum":["a"]}`, consumer, "/enum"},
		{"an enum grows", `{"enum":["a"]}`, `{"enum":["a","b"]}`, producer, "/enum"},
		{"an enum is new", `{"type":"string"}`, `{"enum":["a"]}`, consumer, "/enum"},
		{"a minimum rises", `{"minimum":1}`, `{"minimum":2}`, consumer, "/minimum"},
		{"a minimum is written in another way", `{"minimum":10}`, `{"minimum":1e1}`, none, "none"},
		{"a maximum rises", `{"maxLength":1}`, `{"maxLength":2}`, producer, "/maxLength"},
		{"a bound is new", `{}`, `{"maxItems":2}`, consumer, "/maxItems"},
		{"a pattern is another one", `{"pattern":"a"}`, `{"pattern":"b"}`, both, "/pattern"},
		{"a format is removed", `{"format":"email"}`, `{}`, producer, "/format"},
		{"the items have another bound", `{"items":{"minLength":1}}`, `{"items":{"minLength":2}}`, consumer, "/items/minLength"},
		{"a branch of anyOf is new", `{"anyOf":[{"type":"string"}]}`, `{"anyOf":[{"type":"null"},{"type":"string"}]}`, producer, "/anyOf"},
		{"a branch of allOf is new", `{"allOf":[{"minLength":1}]}`, `{"allOf":[{"minLength":1},{"maxLength":3}]}`, consumer, "/allOf"},
		{"a branch of oneOf accepts more", `{"oneOf":[{"maximum":1}]}`, `{"oneOf":[{"maximum":2}]}`, both, "/oneOf/0/maximum"},
		{"not has changed", `{"not":{"enum":[1]}}`, `{"not":{"enum":[1,2]}}`, both, "/not/enum"},
		{"prefixItems have changed", `{"prefixItems":[{"type":"string"}]}`, `{"prefixItems":[{"type":"string","minLength":1}]}`, both, "/prefixItems/0/minLength"},
		{"everything is refused", `true`, `false`, consumer, ""},
		{"a reference leads to another schema", `{"$ref":"#/$defs/a","$defs":{"a":{"type":"string"}}}`, `{"$ref":"#/definitions/a","definitions":{"a":{"type":"null"}}}`, both, "/type"},
		{"a bound beside a reference", `{"$ref":"#/$defs/a","$defs":{"a":{"type":"string"}}}`, `{"$ref":"#/$defs/a","minLength":1,"$defs":{"a":{"type":"string"}}}`, consumer, "/minLength"},
		{
			"a bound beside the second reference to a type", `{"properties":{"a":{"$ref":"#/$defs/t"},"b":{"$ref":"#/$defs/t"}},"$defs":{"t":{"type":"string"}}}`,
			`{"properties":{"a":{"$ref":"#/$defs/t"},"b":{"$ref":"#/$defs/t","maxLength":5}},"$defs":{"t":{"type":"string"}}}`, consumer, "/properties/b/maxLength",
		},
		{
			"a bound beside a reference in a chain", `{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b","maxLength":9},"b":{"type":"string"}}}`,
			`{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b","maxLength":5},"b":{"type":"string"}}}`, consumer, "/maxLength",
		},
		{
			"a chain of references is longer", `{"$ref":"#/$defs/b","$defs":{"b":{"type":"string"}}}`,
			`{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"type":"string"}}}`, none, "none",
		},
		{
			"a type contains itself beside a reference", `{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b","properties":{"x":{"$ref":"#/$defs/a"}}},"b":{"minProperties":1}}}`,
			`{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b","properties":{"x":{"$ref":"#/$defs/a"}}},"b":{"minProperties":2}}}`, consumer, "/minProperties",
		},
		{
			"the references of a list of lists are at other places", `{"$ref":"#/$defs/l","$defs":{"l":{"items":{"items":{"$ref":"#/$defs/l"}}}}}`,
			`{"items":{"$ref":"#/$defs/l"},"$defs":{"l":{"items":{"items":{"$ref":"#/$defs/l"}}}}}`, none, "none",
		},
		{"an array without an element that is contained is accepted", `{"contains":{"type":"null"}}`, `{"contains":{"type":"null"},"minContains":0}`, producer, "/minContains"},
		{"an array without an element that is contained is refused", `{"contains":{"type":"null"},"minContains":0}`, `{"contains":{"type":"null"}}`, consumer, "/minContains"},
		{"minContains is written out", `{"contains":{"type":"null"}}`, `{"contains":{"type":"null"},"minContains":1}`, none, "none"},
		{"a least length of nothing is written out", `{"type":"string"}`, `{"type":"string","minLength":0}`, none, "none"},
		{"a least length is required", `{"type":"string","minLength":0}`, `{"type":"string","minLength":1}`, consumer, "/minLength"},
		{"a type that contains itself", `{"properties":{"a":{"$ref":"#"}}}`, `{"properties":{"a":{"$ref":"#"}},"minProperties":1}`, consumer, "/minProperties"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for side, want := range map[schemadiff.Side]bool{
				schemadiff.Consumer: tt.breaks&consumer != 0, schemadiff.Producer: tt.breaks&producer != 0, schemadiff.Both: tt.breaks != none,
			} {
				changes, err := schemadiff.Schemas([]byte(tt.old), []byte(tt.next), side)
				if err != nil {
					t.Fatal(err)
				}
				if got := slices.ContainsFunc(changes, func(c schemadiff.Change) bool { return c.Breaking }); got != want {
					t.Errorf("side %d: breaking is %v, want %v: %v", side, got, want, changes)
				}
				if tt.path == "none" != (len(changes) == 0) || len(changes) > 0 && tt.path != "" && changes[0].Path != tt.path {
					t.Errorf("side %d: the changes are %v, want %s first", side, changes, tt.path)
				}
			}
		})
	}
}

func TestSchemasReportsWhatIsNoSchema(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{`: "not JSON", `3`: "neither an object", `{} {}`: "text after", `{"$ref":"a.json"}`: "want a reference to a part",
		`{"$ref":"#/$defs/a"}`: "leads nowhere", `{"$ref":"#"}`: "has no end",
	} {
		if _, err := schemadiff.Schemas([]byte(text), []byte(`{}`), schemadiff.Both); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error is %v, want %q", text, err, want)
		}
	}
}

// TestDocuments changes one thing at a time in a document.
func TestDocuments(t *testing.T) {
	t.Parallel()
	const file = "../testdata/shop.json"
	shop, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name     string
		from, to string // the text that is replaced
		path     string // of the first change; empty if there is none
		breaking bool
	}{
		{"the version", `"version": "1.2.0"`, `"version": "2.0.0"`, "", false},
		{"another host", `"host": "rabbit.example:5671"`, `"host": "b"`, "", false},
		{"a message is received in another content type", `"name": "pages",
        "title": "pages",
        "contentType": "application/json"`, `"name": "pages", "title": "pages", "contentType": "text/xml"`, "/operations/receive.pages/messages/pages/contentType", true},
		{"a consumer accepts one value more", `"free",`, `"free", "trial",`, "/operations/receive.audit/messages/user.signed_up/payload/properties/plan/enum", false},
		{"a consumer accepts one value less", `"free",`, ``, "/operations/receive.audit/messages/user.signed_up/payload/properties/plan/enum", true},
		{"a producer sends another type", `"r": {`, `"r": {"minProperties": 1,`, "/operations/send.events.report/messages/report/payload/minProperties", false},
		{"an exchange has another kind", `"name": "events",
            "type": "topic"`, `"name": "events", "type": "fanout"`, "/channels/exchange.events.all/bindings/amqp/exchange/type", true},
		{"an operation is removed", `"receive.audit": {`, `"receive.rows": {`, "/operations/receive.audit", true},
		{"a reply has one value more", `"kilo"`, `"kilo", "litre"`, "/operations/reply.prices.price.asked/reply/messages/price.asked.reply/payload/properties/unit/enum", true},
		{"a queue has another name", `"address": "audit"`, `"address": "rows"`, "/channels/queue.audit/address", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(string(shop), tt.from) {
				t.Fatalf("%s lacks %s", file, tt.from)
			}
			changes, err := schemadiff.Documents(shop, []byte(strings.ReplaceAll(string(shop), tt.from, tt.to)))
			if err != nil {
				t.Fatal(err)
			}
			first := schemadiff.Change{}
			if len(changes) > 0 {
				first = changes[0]
			}
			if first.Path != tt.path || first.Breaking != tt.breaking {
				t.Errorf("the changes are %v, want first %s, breaking %v", changes, tt.path, tt.breaking)
			}
		})
	}
	if !schemadiff.IsDocument(shop) || schemadiff.IsDocument([]byte(`{"type":"object"}`)) || schemadiff.IsDocument([]byte(`x`)) {
		t.Error("IsDocument confuses documents and schemas")
	}
	if _, err := schemadiff.Documents([]byte(`{"asyncapi":"2.6.0"}`), shop); err == nil || !strings.Contains(err.Error(), `got "2.6.0"`) {
		t.Errorf("the error is %v, want one about the version", err)
	}
}

// TestReplies holds the rules for replies: the worker sends them, and a caller receives them.
func TestReplies(t *testing.T) {
	t.Parallel()
	const (
		cents = `{"type":"object","required":["cents"],"properties":{"cents":{"type":"integer"}}}`
		more  = `{"type":"object","required":["cents","unit"],"properties":{"cents":{"type":"integer"},"unit":{"type":"string"}}}`
		enum  = `{"enum":["piece"]}`
		enum2 = `{"enum":["piece","kilo"]}`
	)
	tests := []struct {
		name         string
		old, next    string // the reply of the operation
		breaksWorker bool   // an operation that receives
		breaksCaller bool   // an operation that sends
		path         string // below /operations/o/reply
		same         bool   // there are no changes
	}{
		{name: "the same reply", old: replyWith("a", cents), next: replyWith("a", cents), same: true},
		{name: "a property is required now", old: replyWith("a", cents), next: replyWith("a", more), breaksCaller: true, path: "/messages/a/payload/properties/unit"},
		{name: "a required property is removed", old: replyWith("a", more), next: replyWith("a", cents), breaksWorker: true, path: "/messages/a/payload/properties/unit"},
		{name: "an enum grows", old: replyWith("a", enum), next: replyWith("a", enum2), breaksWorker: true, path: "/messages/a/payload/enum"},
		{name: "an enum shrinks", old: replyWith("a", enum2), next: replyWith("a", enum), breaksCaller: true, path: "/messages/a/payload/enum"},
		{name: "a reply is new", old: `null`, next: replyWith("a", cents), breaksCaller: true},
		{name: "a reply is removed", old: replyWith("a", cents), next: `null`, breaksWorker: true},
		{name: "another address", old: replyWith("a", cents), next: strings.Replace(replyWith("a", cents), "replyTo", "to", 1), breaksWorker: true, breaksCaller: true, path: "/address/location"},
		{name: "one more reply", old: replyWith("a", cents), next: replyWith("a", cents, "b", enum), breaksWorker: true, path: "/messages/b"},
		{name: "one reply less", old: replyWith("a", cents, "b", enum), next: replyWith("a", cents), breaksCaller: true, path: "/messages/b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for action, want := range map[string]bool{"receive": tt.breaksWorker, "send": tt.breaksCaller} {
				changes, err := schemadiff.Documents(documentWith(action, tt.old), documentWith(action, tt.next))
				if err != nil {
					t.Fatal(err)
				}
				if tt.same != (len(changes) == 0) {
					t.Fatalf("%s: the changes are %v", action, changes)
				}
				if len(changes) > 0 && (changes[0].Breaking != want || changes[0].Path != "/operations/o/reply"+tt.path) {
					t.Errorf("%s: the changes are %v, want first %s, breaking %v", action, changes, tt.path, want)
				}
			}
		})
	}
}

// replyWith returns the reply of an operation, with messages by name and schema.
func replyWith(messages ...string) string {
	var all []string
	for i := 0; i < len(messages); i += 2 {
		all = append(all, `{"$ref":"#/channels/replies/messages/`+messages[i]+`","payload":`+messages[i+1]+`}`)
	}
	return `{"address":{"location":"$message.header#/replyTo"},"channel":{"$ref":"#/channels/replies"},"messages":[` + strings.Join(all, ",") + `]}`
}

// documentWith returns a document with one operation. The messages of its reply are components.
func documentWith(action, reply string) []byte {
	components := make(map[string]any)
	var r struct {
		Messages []struct {
			Ref     string `json:"$ref"`
			Payload any    `json:"payload"`
		} `json:"messages"`
	}
	if err := json.Unmarshal([]byte(reply), &r); err != nil {
		panic(err)
	}
	for _, m := range r.Messages {
		components[m.Ref[strings.LastIndexByte(m.Ref, '/')+1:]] = map[string]any{"payload": m.Payload}
	}
	messages, err := json.Marshal(components)
	if err != nil {
		panic(err)
	}
	return []byte(`{"asyncapi":"3.0.0","channels":{"q":{"address":"q"},"replies":{"address":null,"messages":` + string(messages) + `}},
		"operations":{"o":{"action":"` + action + `","channel":{"$ref":"#/channels/q"},"reply":` + reply + `}}}`)
}

// FuzzSchemas looks for panics, and for changes between a version and itself.
func FuzzSchemas(f *testing.F) {
	f.Add([]byte(`{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}`), []byte(`{"anyOf":[{"items":[true]},{"not":{}}]}`))
	f.Add([]byte(`{"asyncapi":"3.0.0","channels":{"a":{}},"operations":{"o":{"action":"send","channel":{"$ref":"#/channels/a"}}}}`), []byte(`{"asyncapi":"3.0.0"}`))
	f.Add(documentWith("send", replyWith("a", `{"enum":[1]}`)), documentWith("receive", replyWith("b", `true`)))
	f.Add([]byte(`{"$ref":"#/$defs/a","$defs":{"a":{"allOf":[{"$ref":"#/$defs/a"}]}}}`), []byte(`{"minimum":1e999999999}`))
	f.Fuzz(func(t *testing.T, old, next []byte) {
		compare := func(a, b []byte) ([]schemadiff.Change, error) { return schemadiff.Schemas(a, b, schemadiff.Both) }
		if schemadiff.IsDocument(old) {
			compare = schemadiff.Documents
		}
		_, _ = compare(old, next)
		if changes, err := compare(old, old); err == nil && len(changes) > 0 {
			t.Errorf("a version differs from itself: %v", changes)
		}
	})
}
