package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// maxDepth is how deep tables and arrays may be nested. RabbitMQ has no limit. This limit
// protects the stack from an attack.
const maxDepth = 64

// ErrBadTable is returned for a malformed table in a method's arguments. RabbitMQ drops
// the connection without connection.close.
var ErrBadTable = errors.New("wire: bad table")

// ParseBareTable decodes all of b as a table without a length prefix, such as the response
// of the SASL mechanism AMQPLAIN. The error is [ErrBadTable].
func ParseBareTable(b []byte) (Table, error) {
	t, ok := parseTable(b, 0)
	if !ok {
		return nil, ErrBadTable
	}
	return t, nil
}

// parseTable decodes all of b as fields. It returns false for a value of an unknown type,
// truncated input, and nesting beyond maxDepth.
func parseTable(b []byte, depth int) (t Table, ok bool) {
	for c := (codec{b: b}); len(c.b) > 0; {
		var f Field
		c = c.raw(&f.Name)
		if c, f.Value = c.value(depth); c.state != decoding {
			return nil, false
		}
		t = append(t, f)
	}
	return t, true
}

func parseArray(b []byte, depth int) (a []any, ok bool) {
	a = []any{}
	for c := (codec{b: b}); len(c.b) > 0; {
		var v any
		if c, v = c.value(depth); c.state != decoding {
			return nil, false
		}
		a = append(a, v)
	}
	return a, true
}

// value reads a tag and the value after it.
func (c codec) value(depth int) (codec, any) {
	c, tag := c.take(1)
	if tag == nil {
		return c, nil
	}
	switch tag[0] {
	case 'V':
		return c, nil
	case 't', 'b', 'B':
		return c.fixed(tag[0], 1)
	case 's', 'u':
		return c.fixed(tag[0], 2)
	case 'I', 'i', 'f':
		return c.fixed(tag[0], 4)
	case 'D':
		return c.fixed(tag[0], 5)
	case 'l', 'L', 'd', 'T':
		return c.fixed(tag[0], 8)
	case 'S', 'x', 'F', 'A':
		return c.variable(tag[0], depth+1)
	}
	return c.fail(malformed), nil
}

// fixed reads a value whose type has a fixed length of n bytes.
func (c codec) fixed(tag byte, n uint32) (codec, any) {
	c, b := c.take(n)
	if b == nil {
		return c, nil
	}
	switch tag {
	case 't':
		return c, b[0] != 0
	case 'b':
		return c, int8(b[0])
	case 'B':
		return c, b[0]
	case 's':
		return c, int16(binary.BigEndian.Uint16(b))
	case 'u':
		return c, binary.BigEndian.Uint16(b)
	case 'I':
		return c, int32(binary.BigEndian.Uint32(b))
	case 'i':
		return c, binary.BigEndian.Uint32(b)
	case 'f':
		return c, math.Float32frombits(binary.BigEndian.Uint32(b))
	case 'D':
		return c, Decimal{Scale: b[0], Value: binary.BigEndian.Uint32(b[1:])}
	case 'd':
		return c, math.Float64frombits(binary.BigEndian.Uint64(b))
	case 'T':
		return c, Timestamp(binary.BigEndian.Uint64(b))
	default: // l and L, which RabbitMQ treats as the same type
		return c, int64(binary.BigEndian.Uint64(b))
	}
}

// variable reads a value that has a length prefix.
func (c codec) variable(tag byte, depth int) (codec, any) {
	var n uint32
	c, b := c.long(&n).take(n)
	if b == nil || depth > maxDepth {
		return c.fail(malformed), nil
	}
	var v any
	ok := true
	switch tag {
	case 'S':
		v = string(b)
	case 'x':
		v = append([]byte{}, b...)
	case 'F':
		v, ok = parseTable(b, depth)
	default:
		v, ok = parseArray(b, depth)
	}
	if !ok {
		c = c.fail(malformed)
	}
	return c, v
}

// appendTable appends a table with its length.
func appendTable(dst []byte, t Table) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	for _, f := range t {
		dst = appendValue(appendShort(dst, f.Name), f.Value)
	}
	return measure(dst, start)
}

func appendArray(dst []byte, a []any) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	for _, v := range a {
		dst = appendValue(dst, v)
	}
	return measure(dst, start)
}

// measure writes the length prefix: it stores the number of bytes after it in the four bytes
// at start.
func measure(dst []byte, start int) []byte {
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	return dst
}

// appendValue appends a tag and the value after it.
func appendValue(dst []byte, value any) []byte {
	switch v := value.(type) {
	case nil:
		return append(dst, 'V')
	case bool:
		if v {
			return append(dst, 't', 1)
		}
		return append(dst, 't', 0)
	case string:
		return appendLong(append(dst, 'S'), v)
	case []byte:
		return appendLong(append(dst, 'x'), v)
	case Table:
		return appendTable(append(dst, 'F'), v)
	case []any:
		return appendArray(append(dst, 'A'), v)
	}
	return appendNumber(dst, value)
}

func appendNumber(dst []byte, value any) []byte {
	be := binary.BigEndian
	switch v := value.(type) {
	case int8:
		return append(dst, 'b', byte(v))
	case uint8:
		return append(dst, 'B', v)
	case int16:
		return be.AppendUint16(append(dst, 's'), uint16(v))
	case uint16:
		return be.AppendUint16(append(dst, 'u'), v)
	case int32:
		return be.AppendUint32(append(dst, 'I'), uint32(v))
	case uint32:
		return be.AppendUint32(append(dst, 'i'), v)
	case int64:
		return be.AppendUint64(append(dst, 'l'), uint64(v))
	case float32:
		return be.AppendUint32(append(dst, 'f'), math.Float32bits(v))
	case float64:
		return be.AppendUint64(append(dst, 'd'), math.Float64bits(v))
	case Decimal:
		return be.AppendUint32(append(dst, 'D', v.Scale), v.Value)
	case Timestamp:
		return be.AppendUint64(append(dst, 'T'), uint64(v))
	}
	panic(fmt.Sprintf("wire: table has a value of type %T, which AMQP has not got", value))
}
