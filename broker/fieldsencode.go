package broker

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/message"
)

// MarshalHeaders writes headers as a JSON object from which UnmarshalHeaders makes the
// same headers again, each value of its AMQP type. Texts, booleans, 64-bit integers,
// lists and null are what they are in JSON; every other value is an object that names
// its type: {"int32": 7}, {"float64": "0.1"}, {"time": 1700000000} in Unix seconds,
// {"bytes": "AAE="}, {"table": {…}}, {"decimal": [2, 314]}, and {"text": "/w=="} in
// base64 for text that is not UTF-8. A name that is not UTF-8 is base64 behind
// "base64:". It fails on values that AMQP does not know.
func MarshalHeaders(h message.Headers) ([]byte, error) {
	table, err := encodeTable(h)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err = e.Encode(table)
	return bytes.TrimSpace(b.Bytes()), err
}

const binaryName = "base64:"

func encodeTable(h map[string]any) (map[string]any, error) {
	table := make(map[string]any, len(h))
	for name, v := range h {
		encoded, err := encodeField(v)
		if err != nil {
			return nil, fmt.Errorf("broker: header %q: %w", name, err)
		}
		if !utf8.ValidString(name) || strings.HasPrefix(name, binaryName) {
			name = binaryName + base64.StdEncoding.EncodeToString([]byte(name))
		}
		table[name] = encoded
	}
	return table, nil
}

type tagged map[string]any

func encodeField(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, int64:
		return v, nil
	case int:
		return int64(v), nil
	case string:
		if !utf8.ValidString(v) {
			return tagged{"text": []byte(v)}, nil
		}
		return v, nil
	case int8, uint8, int16, uint16, int32, uint32:
		return tagged{fmt.Sprintf("%T", v): v}, nil
	case float32:
		return tagged{"float32": strconv.FormatFloat(float64(v), 'g', -1, 32)}, nil
	case float64:
		return tagged{"float64": strconv.FormatFloat(v, 'g', -1, 64)}, nil
	case []byte:
		return tagged{"bytes": bytes.Clone(v)}, nil
	case time.Time:
		return tagged{"time": v.Unix()}, nil
	case amqp.Decimal:
		return tagged{"decimal": [2]int64{int64(v.Scale), int64(v.Value)}}, nil
	case []any:
		return encodeList(v)
	}
	if t, ok := tableOf(v); ok {
		table, err := encodeTable(t)
		return tagged{"table": table}, err
	}
	return nil, fmt.Errorf("a %T is no AMQP value", v)
}

func tableOf(v any) (map[string]any, bool) {
	switch v := v.(type) {
	case amqp.Table:
		return v, true
	case message.Headers:
		return v, true
	case map[string]any:
		return v, true
	}
	return nil, false
}

func encodeList(list []any) (any, error) {
	all := make([]any, len(list))
	for i, v := range list {
		var err error
		if all[i], err = encodeField(v); err != nil {
			return nil, err
		}
	}
	return all, nil
}
