package wire

import (
	"encoding/binary"
	"math"
	"slices"
	"unicode/utf8"
)

// maxShort is the maximum length of a short string, in bytes.
const maxShort = 255

// codec encodes or decodes a list of arguments. Encoding appends the arguments to b;
// decoding takes them from b. One list serves both directions, so that they always
// agree. Decoding stops after the first failure.
type codec struct {
	b     []byte
	state state
}

type state uint8

const (
	decoding state = iota
	encoding
	malformed // decoding has failed
	notUTF8   // decoding has found invalid UTF-8 in a short string that must be UTF-8
	badTable  // decoding has found a malformed table
)

// take returns the next n bytes, or nil if fewer remain.
func (c codec) take(n uint32) (codec, []byte) {
	if c.state != decoding || uint64(len(c.b)) < uint64(n) {
		return c.fail(malformed), nil
	}
	b := c.b[:n:n]
	c.b = c.b[n:]
	return c, b
}

func (c codec) fail(s state) codec {
	if c.state == decoding {
		c.state = s
	}
	return c
}

func (c codec) octet(v *uint8) codec {
	if c.state == encoding {
		c.b = append(c.b, *v)
		return c
	}
	c, b := c.take(1)
	if b != nil {
		*v = b[0]
	}
	return c
}

func (c codec) short(v *uint16) codec {
	if c.state == encoding {
		c.b = binary.BigEndian.AppendUint16(c.b, *v)
		return c
	}
	c, b := c.take(2)
	if b != nil {
		*v = binary.BigEndian.Uint16(b)
	}
	return c
}

func (c codec) long(v *uint32) codec {
	if c.state == encoding {
		c.b = binary.BigEndian.AppendUint32(c.b, *v)
		return c
	}
	c, b := c.take(4)
	if b != nil {
		*v = binary.BigEndian.Uint32(b)
	}
	return c
}

func (c codec) longlong(v *uint64) codec {
	if c.state == encoding {
		c.b = binary.BigEndian.AppendUint64(c.b, *v)
		return c
	}
	c, b := c.take(8)
	if b != nil {
		*v = binary.BigEndian.Uint64(b)
	}
	return c
}

// bits packs its arguments into one octet. The first argument is the lowest bit.
func (c codec) bits(flags ...*bool) codec {
	var packed uint8
	if c.state == encoding {
		for i, flag := range flags {
			if *flag {
				packed |= 1 << i
			}
		}
		return c.octet(&packed)
	}
	c = c.octet(&packed)
	for i, flag := range flags {
		*flag = packed&(1<<i) != 0
	}
	return c
}

// raw encodes or decodes a short string of any bytes.
func (c codec) raw(v *string) codec {
	if c.state == encoding {
		c.b = appendShort(c.b, *v)
		return c
	}
	var n uint8
	c, b := c.octet(&n).take(uint32(n))
	*v = string(b)
	return c
}

// text encodes or decodes a short string that must be UTF-8. RabbitMQ requires UTF-8 in
// all methods except methods with content.
func (c codec) text(v *string) codec {
	c = c.raw(v)
	if !utf8.ValidString(*v) {
		c = c.fail(notUTF8)
	}
	return c
}

// longstr encodes or decodes a long string of any bytes.
func (c codec) longstr(v *string) codec {
	if c.state == encoding {
		c.b = appendLong(c.b, *v)
		return c
	}
	var n uint32
	c, b := c.long(&n).take(n)
	*v = string(b)
	return c
}

func (c codec) table(v *Table) codec {
	if c.state == encoding {
		c.b = appendTable(c.b, *v)
		return c
	}
	var n uint32
	c, b := c.long(&n).take(n)
	t, ok := parseTable(b, 0)
	if !ok {
		c = c.fail(badTable)
	}
	*v = t
	return c
}

// Reserved arguments are written as zero. Any value is accepted when they are read.

func (c codec) reservedBit() codec     { return c.bits(new(bool)) }
func (c codec) reservedShort() codec   { return c.short(new(uint16)) }
func (c codec) reservedText() codec    { return c.text(new(string)) }
func (c codec) reservedLongstr() codec { return c.longstr(new(string)) }

// appendShort appends a short string, truncated to the whole runes that fit.
func appendShort(dst []byte, s string) []byte {
	if n := maxShort; len(s) > n {
		for n > maxShort-utf8.UTFMax && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n]
	}
	dst = append(dst, byte(len(s)))
	return append(dst, s...)
}

func appendLong[T string | []byte](dst []byte, s T) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(s)))
	return append(dst, s...)
}

// AppendProtocolHeader appends the eight bytes that open a connection.
func AppendProtocolHeader(dst []byte) []byte { return append(dst, "AMQP\x00\x00\x09\x01"...) }

// AppendHeartbeat appends a heartbeat frame.
func AppendHeartbeat(dst []byte) []byte {
	return end(begin(dst, FrameHeartbeat, 0), len(dst))
}

// AppendMethod appends a method frame. Short strings of more than 255 bytes are
// truncated to as many runes as fit. AppendMethod panics if a table contains a value of a
// type that AMQP does not support.
func AppendMethod(dst []byte, channel uint16, m Method) []byte {
	start := len(dst)
	class, method := m.ID()
	dst = begin(dst, FrameMethod, channel)
	dst = binary.BigEndian.AppendUint16(dst, class)
	dst = binary.BigEndian.AppendUint16(dst, method)
	return end(m.arguments(codec{b: dst, state: encoding}).b, start)
}

// AppendContent appends a header frame and the body, split into frames of at most frameMax
// bytes, overhead included. A frameMax of 0 means no limit. Properties are in their encoded
// form. An empty body produces no body frame.
//
//nolint:revive // six arguments: the parts of a content
func AppendContent(dst []byte, channel, class uint16, properties, body []byte, frameMax uint32) []byte {
	start := len(dst)
	dst = Header{Class: class, BodySize: uint64(len(body)), Properties: properties}.append(begin(dst, FrameHeader, channel))
	dst = end(dst, start)
	piece := uint64(math.MaxUint32)
	if frameMax != 0 {
		piece = uint64(max(frameMax, FrameOverhead+1) - FrameOverhead)
	}
	dst = slices.Grow(dst, len(body)+FrameOverhead*int(uint64(len(body))/piece+1))
	for len(body) > 0 {
		n, start := min(uint64(len(body)), piece), len(dst)
		dst = end(append(begin(dst, FrameBody, channel), body[:n]...), start)
		body = body[n:]
	}
	return dst
}

// begin appends the head of a frame with a placeholder for the length.
func begin(dst []byte, typ byte, channel uint16) []byte {
	return append(dst, typ, byte(channel>>8), byte(channel), 0, 0, 0, 0)
}

// end completes the frame that begins at start.
func end(dst []byte, start int) []byte {
	binary.BigEndian.PutUint32(dst[start+3:], uint32(len(dst)-start-headSize))
	return append(dst, FrameEnd)
}
