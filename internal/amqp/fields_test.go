package amqp_test

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/message"
)

// everyField has a value of each AMQP type, at its limits.
func everyField() message.Headers {
	return message.Headers{
		"text": "häder <&> \u2028", "no-utf8": "a\xff", "empty": "", "\xfe": "name", "base64:": "name",
		"true": true, "false": false, "none": nil,
		"int8": int8(math.MinInt8), "uint8": uint8(math.MaxUint8), "int16": int16(math.MinInt16), "uint16": uint16(math.MaxUint16),
		"int32": int32(math.MinInt32), "uint32": uint32(math.MaxUint32), "int64": int64(math.MinInt64),
		"float32": float32(0.1), "float64": math.Inf(-1), "precise": 0.1,
		"time": time.Unix(1_700_000_000, 0), "late": time.Unix(1<<40, 0), "bytes": []byte{0, 255},
		"decimal": amqp091.Decimal{Scale: 2, Value: -314}, "list": []any{int32(1), "two", []any{}, amqp091.Table{}},
		"table": amqp091.Table{"int32": int32(1), "deep": amqp091.Table{"bytes": []byte{}}},
	}
}

func TestHeadersSurviveJSON(t *testing.T) {
	t.Parallel()
	h := everyField()
	written, err := amqp.MarshalHeaders(h)
	if err != nil {
		t.Fatal(err)
	}
	read, err := amqp.UnmarshalHeaders(written)
	if err != nil || !reflect.DeepEqual(read, h) {
		t.Errorf("%v\nfrom %s\ncomes %#v\nwant  %#v", err, written, read, h)
	}
	if bytes.ContainsAny(written, "\n\r") {
		t.Error("the JSON is not in one line")
	}
	if _, err := amqp.MarshalHeaders(message.Headers{"odd": struct{}{}}); err == nil || !strings.Contains(err.Error(), `"odd"`) {
		t.Errorf("a value AMQP does not know gives %v, want its name", err)
	}
}

func TestInvalidHeaders(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		`[]`, `7`, `{"a": 1.5}`, `{"a": 9223372036854775808}`, `{"a": {}}`, `{"a": {"int8": 128}}`, `{"a": {"int8": "1"}}`,
		`{"a": {"int32": null}}`, `{"a": {"int32": 1, "int8": 1}}`, `{"a": {"new": 1}}`, `{"a": {"float64": 1}}`, `{"a": {"bytes": "*"}}`,
		`{"a": {"decimal": [1]}}`, `{"a": {"decimal": [256, 1]}}`, `{"a": [{"table": []}]}`, `{"base64:*": 1}`, `{"a": {"uint8": -1}}`,
	} {
		if h, err := amqp.UnmarshalHeaders([]byte(bad)); err == nil {
			t.Errorf("%s is read as %v, want an error", bad, h)
		}
	}
}

func FuzzUnmarshalHeaders(f *testing.F) {
	all, err := amqp.MarshalHeaders(everyField())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(all)
	f.Add([]byte(`{"a": {"int8": 128}, "base64:/w==": [null, {"table": {}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := amqp.UnmarshalHeaders(data)
		if err != nil || !json.Valid(data) {
			return
		}
		once, err := amqp.MarshalHeaders(h)
		if err != nil {
			t.Fatal(err)
		}
		again, err := amqp.UnmarshalHeaders(once)
		if err != nil {
			t.Fatalf("%s: %v", once, err)
		}
		if twice, err := amqp.MarshalHeaders(again); err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%s became %s, %v", once, twice, err)
		}
	})
}
