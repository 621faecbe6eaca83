package wire

import (
	"encoding/binary"
	"math"
)

// AppendProtocolHeader appends the eight bytes that open a connection.
func AppendProtocolHeader(dst []byte) []byte { return append(dst, "AMQP\x00\x00\x09\x01"...) }

// AppendHeartbeat appends a heartbeat frame.
func AppendHeartbeat(dst []byte) []byte {
	return end(begin(dst, FrameHeartbeat, 0), len(dst))
}

// AppendMethod appends a method frame. Short strings of more than 255 bytes are
// cut to as many runes as fit. A table with a value of a type that AMQP has not
// got panics.
func AppendMethod(dst []byte, channel uint16, m Method) []byte {
	start := len(dst)
	class, method := m.ID()
	dst = begin(dst, FrameMethod, channel)
	dst = binary.BigEndian.AppendUint16(dst, class)
	dst = binary.BigEndian.AppendUint16(dst, method)
	return end(m.arguments(codec{b: dst, state: encoding}).b, start)
}

// AppendContent appends a header frame and as many body frames as frameMax, in
// bytes and with the overhead, asks for; 0 means no limit. Properties are in their
// encoded form, and an empty body has no frame.
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
	for len(body) > 0 {
		n, start := min(uint64(len(body)), piece), len(dst)
		dst = end(append(begin(dst, FrameBody, channel), body[:n]...), start)
		body = body[n:]
	}
	return dst
}

// begin appends the head of a frame, its length left open.
func begin(dst []byte, typ byte, channel uint16) []byte {
	return append(dst, typ, byte(channel>>8), byte(channel), 0, 0, 0, 0)
}

// end completes the frame that begins at start.
func end(dst []byte, start int) []byte {
	binary.BigEndian.PutUint32(dst[start+3:], uint32(len(dst)-start-headSize))
	return append(dst, FrameEnd)
}
