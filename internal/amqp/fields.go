package amqp

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/message"
)

// fields converts headers to a table that amqp091 writes without loss. amqp091 would cut an
// int to 32 bits, and accepts no other table type than its own. Headers that need no change
// are not copied.
func fields(h message.Headers) amqp091.Table {
	for _, v := range h {
		if foreign(v) {
			return converted(h)
		}
	}
	return amqp091.Table(h)
}

// foreign reports whether v, or a value in it, has to be converted.
func foreign(v any) bool {
	switch v := v.(type) {
	case int, message.Headers, map[string]any:
		return true
	case []any:
		return slices.ContainsFunc(v, foreign)
	case amqp091.Table:
		for _, e := range v {
			if foreign(e) {
				return true
			}
		}
	}
	return false
}

func converted(h map[string]any) amqp091.Table {
	t := make(amqp091.Table, len(h))
	for name, v := range h {
		t[name] = field(v)
	}
	return t
}

func field(v any) any {
	switch v := v.(type) {
	case int:
		return int64(v)
	case message.Headers:
		return converted(v)
	case map[string]any:
		return converted(v)
	case amqp091.Table:
		return converted(v)
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = field(e)
		}
		return list
	}
	return v
}

// Publishing converts m to the type that amqp091 sends.
func Publishing(m *message.Message) amqp091.Publishing {
	p := amqp091.Publishing{
		Headers:         fields(m.Headers),
		ContentType:     m.ContentType,
		ContentEncoding: m.ContentEncoding,
		DeliveryMode:    amqp091.Persistent,
		Priority:        m.Priority,
		CorrelationId:   m.CorrelationID,
		ReplyTo:         m.ReplyTo,
		Expiration:      m.Expiration,
		MessageId:       m.ID,
		Timestamp:       m.Timestamp,
		Type:            m.Type,
		UserId:          m.UserID,
		AppId:           m.AppID,
		Body:            m.Body,
	}
	if m.Transient {
		p.DeliveryMode = amqp091.Transient
	}
	return p
}

// MarshalHeaders writes headers as a JSON object. UnmarshalHeaders returns the same headers
// from it, each value with its AMQP type. Texts, booleans, 64-bit integers, lists and null
// are written as in JSON. Every other value is written as an object that names its type:
// {"int32": 7}, {"float64": "0.1"}, {"time": 1700000000} in Unix seconds, {"bytes":
// "AAE="}, {"table": {…}}, {"decimal": [2, 314]}, and {"text": "/w=="} in base64 for text
// that is not UTF-8. A name that is not UTF-8 is written in base64 after the prefix
// "base64:". MarshalHeaders returns an error for values that have no AMQP type.
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
	case amqp091.Decimal:
		return tagged{"decimal": [2]int64{int64(v.Scale), int64(v.Value)}}, nil
	case []any:
		return encodeList(v)
	}
	if t, ok := tableOf(v); ok {
		table, err := encodeTable(t)
		return tagged{"table": table}, err
	}
	return nil, fmt.Errorf("got a %T, want a type that AMQP has", v)
}

func tableOf(v any) (map[string]any, bool) {
	switch v := v.(type) {
	case amqp091.Table:
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

// UnmarshalHeaders reads what MarshalHeaders writes. Its errors name the header.
func UnmarshalHeaders(data []byte) (message.Headers, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var raw map[string]any
	if err := d.Decode(&raw); err != nil {
		return nil, fmt.Errorf("broker: headers: %w", err)
	}
	t, err := decodeTable(raw)
	return message.Headers(t), err
}

func decodeTable(raw map[string]any) (amqp091.Table, error) {
	table := make(amqp091.Table, len(raw))
	for name, v := range raw {
		value, err := decodeField(v)
		if encoded, ok := strings.CutPrefix(name, binaryName); ok && err == nil {
			var decoded []byte
			decoded, err = base64.StdEncoding.DecodeString(encoded)
			name = string(decoded)
		}
		if err != nil {
			return nil, fmt.Errorf("broker: header %q: %w", name, err)
		}
		table[name] = value
	}
	return table, nil
}

func decodeField(v any) (any, error) {
	switch v := v.(type) {
	case json.Number:
		return decodeInt(v, math.MinInt64, math.MaxInt64)
	case []any:
		all := make([]any, len(v))
		for i, e := range v {
			var err error
			if all[i], err = decodeField(e); err != nil {
				return nil, err
			}
		}
		return all, nil
	case map[string]any:
		for kind, value := range v {
			if len(v) == 1 {
				return decodeTagged(kind, value)
			}
		}
		return nil, errors.New(`an object in place of a value, want one such as {"int32": 7}`)
	}
	return v, nil // text, boolean or null
}

func decodeTagged(kind string, v any) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		if kind == "table" {
			return decodeTable(v)
		}
	case []any:
		if kind == "decimal" && len(v) == 2 {
			scale, err := decodeInt(v[0], 0, math.MaxUint8)
			value, valueErr := decodeInt(v[1], math.MinInt32, math.MaxInt32)
			return amqp091.Decimal{Scale: uint8(scale), Value: int32(value)}, errors.Join(err, valueErr)
		}
	case json.Number:
		return decodeNumber(kind, v)
	case string:
		return decodeText(kind, v)
	}
	return nil, fmt.Errorf("no AMQP value is written as %q with a %T", kind, v)
}

func decodeNumber(kind string, v json.Number) (any, error) {
	switch kind {
	case "int8":
		n, err := decodeInt(v, math.MinInt8, math.MaxInt8)
		return int8(n), err
	case "uint8":
		n, err := decodeInt(v, 0, math.MaxUint8)
		return uint8(n), err
	case "int16":
		n, err := decodeInt(v, math.MinInt16, math.MaxInt16)
		return int16(n), err
	case "uint16":
		n, err := decodeInt(v, 0, math.MaxUint16)
		return uint16(n), err
	case "int32":
		n, err := decodeInt(v, math.MinInt32, math.MaxInt32)
		return int32(n), err
	case "uint32":
		n, err := decodeInt(v, 0, math.MaxUint32)
		return uint32(n), err
	case "time":
		n, err := decodeInt(v, math.MinInt64, math.MaxInt64)
		return time.Unix(n, 0), err
	}
	return nil, fmt.Errorf("no AMQP value is written as %q with a number", kind)
}

func decodeInt(v any, least, most int64) (int64, error) {
	text, ok := v.(json.Number)
	n, err := strconv.ParseInt(text.String(), 10, 64)
	if !ok || err != nil || n < least || n > most {
		return 0, fmt.Errorf("%v, want a whole number from %d to %d", v, least, most)
	}
	return n, nil
}

func decodeText(kind, v string) (any, error) {
	switch kind {
	case "bytes":
		return base64.StdEncoding.DecodeString(v)
	case "text":
		b, err := base64.StdEncoding.DecodeString(v)
		return string(b), err
	case "float32":
		f, err := strconv.ParseFloat(v, 32)
		return float32(f), err
	case "float64":
		return strconv.ParseFloat(v, 64)
	}
	return nil, fmt.Errorf("no AMQP value is written as %q with a text", kind)
}
