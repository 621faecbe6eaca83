package broker

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/message"
)

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

func decodeTable(raw map[string]any) (amqp.Table, error) {
	table := make(amqp.Table, len(raw))
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
			return amqp.Decimal{Scale: uint8(scale), Value: int32(value)}, errors.Join(err, valueErr)
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
