package wire

import "encoding/binary"

// Header is the payload of a header frame, which precedes the body.
type Header struct {
	Class      uint16
	Weight     uint16 // always 0 in a valid header
	BodySize   uint64 // of all body frames together, in bytes
	Properties []byte // in their encoded form, for ParseProperties
}

// ParseHeader reads the payload of a header frame. The properties alias it. The
// error is a [FrameError].
func ParseHeader(payload []byte) (Header, error) {
	var h Header
	c := codec{b: payload}.short(&h.Class).short(&h.Weight).longlong(&h.BodySize)
	if c.state != decoding {
		return Header{}, &FrameError{Reason: undecodable(payload)}
	}
	h.Properties = c.b
	return h, nil
}

func (h Header) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, h.Class)
	dst = binary.BigEndian.AppendUint16(dst, h.Weight)
	dst = binary.BigEndian.AppendUint64(dst, h.BodySize)
	return append(dst, h.Properties...)
}
