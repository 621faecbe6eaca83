package jsonv2_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/warren-mq/warren/codec/jsonv2"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

type order struct {
	ID     string            `json:"id"`
	Paid   bool              `json:"paid"`
	Total  float64           `json:"total"`
	Lines  []line            `json:"lines"`
	Labels map[string]string `json:"labels"`
}

type line struct {
	SKU   string `json:"sku"`
	Count int    `json:"count"`
	Note  string `json:"note"`
}

// anOrder is a body of a usual size.
func anOrder(lines int) order {
	o := order{ID: "018f3c6e-7b1a-7c3e-9f00-0242ac120002", Paid: true, Total: 129.95, Labels: map[string]string{"region": "eu", "tenant": "blue"}}
	for i := range lines {
		o.Lines = append(o.Lines, line{fmt.Sprintf("SKU-%06d", i), i, "a gift, with a \"card\"\n"})
	}
	return o
}

func TestBothCodecsReadEachOther(t *testing.T) {
	t.Parallel()
	want := anOrder(10)
	for _, from := range []handler.Codec{handler.JSON(), jsonv2.Codec()} {
		data, err := from.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range []handler.Codec{handler.JSON(), jsonv2.Codec()} {
			var got order
			if err := to.Unmarshal(data, &got); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, %v", got, err)
			}
		}
	}
}

func TestBadBodies(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"bad syntax": "{", "two values": "1 2", "text that is not UTF-8": "\"\xff\"", "a name twice": `{"id":"1","id":"2"}`, "another type": `{"id":1}`,
	} {
		if err := jsonv2.Codec().Unmarshal([]byte(body), new(order)); err == nil || !strings.HasPrefix(err.Error(), "jsonv2: ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := jsonv2.Codec().Marshal(func() {}); err == nil {
		t.Error("a function was encoded")
	}
}

func TestOptionsChangeTheCodec(t *testing.T) {
	t.Parallel()
	var strict, lenient order
	body := []byte(`{"ID":"1","unknown":2}`)
	if err := jsonv2.Codec().Unmarshal(body, &strict); err != nil || strict.ID != "" {
		t.Errorf("got %q, %v; want that ID does not match id", strict.ID, err)
	}
	if err := jsonv2.Codec(json.MatchCaseInsensitiveNames(true)).Unmarshal(body, &lenient); err != nil || lenient.ID != "1" {
		t.Errorf("got %q, %v; want 1", lenient.ID, err)
	}
}

func TestCharsetsAreConverted(t *testing.T) {
	t.Parallel()
	var got string
	h := handler.Typed(func(_ context.Context, s string) error {
		got = s
		return nil
	}, handler.WithCodec(jsonv2.Codec()))
	m := &message.Message{ContentType: "application/json; charset=iso-8859-1", Body: []byte("\"Zo\xeb\"")}
	if err := h.Handle(t.Context(), m); err != nil || got != "Zoë" {
		t.Errorf("got %q, %v; want Zoë", got, err)
	}
}

func ExampleCodec() {
	h := handler.Typed(func(_ context.Context, o order) error {
		fmt.Println(o.ID)
		return nil
	}, handler.WithCodec(jsonv2.Codec()))
	fmt.Println(h.Handle(context.Background(), &message.Message{Body: []byte(`{"id":"7"}`)}))
	// Output:
	// 7
	// <nil>
}

func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`{"id":"1","lines":[{"sku":"x","count":1}],"labels":{"a":"b"}}`))
	f.Add([]byte("\"\xff\""))
	f.Fuzz(func(t *testing.T, body []byte) {
		var o order
		if err := jsonv2.Codec().Unmarshal(body, &o); err != nil {
			return
		}
		if _, err := jsonv2.Codec().Marshal(o); err != nil {
			t.Fatalf("%q was decoded and cannot be encoded: %v", body, err)
		}
	})
}
