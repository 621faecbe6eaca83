package wire

import (
	"encoding/binary"
)

// Flags is the set of the properties that are present. Its two lowest bits have no meaning
// and are preserved.
type Flags uint16

// Flags of the properties, in wire order.
const (
	HasContentType Flags = 1 << (15 - iota)
	HasContentEncoding
	HasHeaders
	HasDeliveryMode
	HasPriority
	HasCorrelationID
	HasReplyTo
	HasExpiration
	HasMessageID
	HasTimestamp
	HasType
	HasUserID
	HasAppID
	HasClusterID
)

// Properties are the properties of class basic. A property that is missing in Present is
// zero and is not encoded.
type Properties struct {
	Present         Flags
	ContentType     string
	ContentEncoding string
	Headers         Table
	DeliveryMode    uint8
	Priority        uint8
	CorrelationID   string
	ReplyTo         string
	Expiration      string
	MessageID       string
	Timestamp       uint64 // seconds since 1970
	Type            string
	UserID          string
	AppID           string
	ClusterID       string
}

// ParseProperties decodes the whole payload as properties. The result does not alias the
// payload. The error is a [FrameError].
func ParseProperties(payload []byte) (Properties, error) {
	var p Properties
	c := p.fields(codec{b: payload})
	if c.state != decoding || len(c.b) > 0 {
		return Properties{}, &FrameError{Reason: undecodable(payload)}
	}
	return p, nil
}

// Append appends the properties in their encoded form. It handles strings and tables as
// [AppendMethod] does.
func (p Properties) Append(dst []byte) []byte {
	return p.fields(codec{b: dst, state: encoding}).b
}

func (p *Properties) fields(c codec) codec {
	c = c.short((*uint16)(&p.Present))
	text := func(flag Flags, v *string) {
		if p.Present&flag != 0 {
			c = c.raw(v)
		}
	}
	text(HasContentType, &p.ContentType)
	text(HasContentEncoding, &p.ContentEncoding)
	if p.Present&HasHeaders != 0 {
		c = c.table(&p.Headers)
	}
	if p.Present&HasDeliveryMode != 0 {
		c = c.octet(&p.DeliveryMode)
	}
	if p.Present&HasPriority != 0 {
		c = c.octet(&p.Priority)
	}
	text(HasCorrelationID, &p.CorrelationID)
	text(HasReplyTo, &p.ReplyTo)
	text(HasExpiration, &p.Expiration)
	text(HasMessageID, &p.MessageID)
	if p.Present&HasTimestamp != 0 {
		c = c.longlong(&p.Timestamp)
	}
	text(HasType, &p.Type)
	text(HasUserID, &p.UserID)
	text(HasAppID, &p.AppID)
	text(HasClusterID, &p.ClusterID)
	return c
}

// Header is the payload of a header frame, which precedes the body.
type Header struct {
	Class      uint16
	Weight     uint16 // always 0 in a valid header
	BodySize   uint64 // total size of all body frames, in bytes
	Properties []byte // in their encoded form, for ParseProperties
}

// ParseHeader decodes the payload of a header frame. The properties alias the payload. The
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
