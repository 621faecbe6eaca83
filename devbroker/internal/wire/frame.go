package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Types of frames.
const (
	FrameMethod    = 1
	FrameHeader    = 2
	FrameBody      = 3
	FrameHeartbeat = 8
)

const (
	// FrameEnd is the octet that ends each frame.
	FrameEnd = 0xCE
	// FrameOverhead is the size of a frame without its payload, in bytes.
	FrameOverhead = headSize + 1

	headSize = 7 // type, channel, length of the payload
)

// Frame is one frame. Its type may be unknown.
type Frame struct {
	Type    byte
	Channel uint16
	Payload []byte
}

// String describes the frame as RabbitMQ does in the text of an error:
// "type 1, all octets = <<0,10>>". For a long payload it shows 16 octets.
func (f Frame) String() string {
	const most = 16
	if len(f.Payload) > most {
		return fmt.Sprintf("type %d, first %d octets = %s", f.Type, most, Quote(f.Payload[:most]))
	}
	return fmt.Sprintf("type %d, all octets = %s", f.Type, Quote(f.Payload))
}

// FrameError reports malformed AMQP from the peer. RabbitMQ answers with 501 FRAME_ERROR
// and closes the connection.
type FrameError struct {
	Reason        string // RabbitMQ's text
	Class, Method uint16 // the method with the malformed arguments; 0 if the frame is not a method
}

// Error returns the reason, prefixed with the package's name.
func (e *FrameError) Error() string { return "wire: " + e.Reason }

// undecodable returns the reason for malformed arguments or properties.
func undecodable(b []byte) string { return "cannot decode " + Octets(b) }

// Quote formats b as Erlang prints binaries: as text if all of b is printable ASCII.
func Quote(b []byte) string {
	if len(b) > 0 && printable(b) {
		return "<<" + strconv.Quote(string(b)) + ">>"
	}
	return Octets(b)
}

func printable(b []byte) bool {
	for _, c := range b {
		if (c < ' ' || c > '~') && (c < '\b' || c > '\r') {
			return false
		}
	}
	return true
}

// Octets formats b as Erlang prints a binary of numbers, "<<0,10>>". For a long b it shows
// only the beginning, which is still more than fits into a reply text.
func Octets(b []byte) string {
	var s strings.Builder
	for i, c := range b[:min(len(b), maxShort)] {
		if i > 0 {
			s.WriteByte(',')
		}
		s.WriteString(strconv.Itoa(int(c)))
	}
	return "<<" + s.String() + ">>"
}

const (
	defaultMax = 128 << 10 // RabbitMQ's limit before connection.tune
	hardMax    = 16 << 20  // applies to any negotiated size
	bufferSize = 32 << 10
)

// Reader reads frames from a connection.
type Reader struct {
	in   *bufio.Reader
	max  uint32
	head [headSize]byte
	body []byte
}

// NewReader returns a buffered reader of r. It accepts frames of up to 128 KiB until
// [Reader.SetMax] is called.
func NewReader(r io.Reader) *Reader {
	return &Reader{in: bufio.NewReaderSize(r, bufferSize), max: defaultMax}
}

// SetMax sets the negotiated frame size in bytes, overhead included. As RabbitMQ does, the
// reader accepts a payload of that size. The reader's own limit of 16 MiB always applies;
// 0 means only that limit.
func (r *Reader) SetMax(frameMax uint32) {
	if frameMax == 0 || frameMax > hardMax {
		frameMax = hardMax
	}
	r.max = frameMax
}

// Buffered returns how many bytes can be read without waiting for the connection.
func (r *Reader) Buffered() int { return r.in.Buffered() }

// ProtocolHeader reads the eight bytes that open a connection, without checking them.
func (r *Reader) ProtocolHeader() (header [8]byte, err error) {
	if _, err := io.ReadFull(r.in, header[:]); err != nil {
		return header, fmt.Errorf("wire: read protocol header: %w", err)
	}
	return header, nil
}

// Next reads a frame. Its payload is valid until the next call. The error is a
// [FrameError] if the frame is too large or its end octet is wrong. It wraps io.EOF if the
// connection has ended between frames, and io.ErrUnexpectedEOF if it has ended within one.
func (r *Reader) Next() (Frame, error) {
	if _, err := io.ReadFull(r.in, r.head[:]); err != nil {
		return Frame{}, fmt.Errorf("wire: read frame: %w", err)
	}
	f := Frame{Type: r.head[0], Channel: binary.BigEndian.Uint16(r.head[1:])}
	size := binary.BigEndian.Uint32(r.head[3:])
	if size > r.max {
		return Frame{}, broken(f, fmt.Sprintf("{frame_too_large,%d,%d}", size, int64(r.max)-FrameOverhead))
	}
	b := r.room(int(size) + 1)
	if _, err := io.ReadFull(r.in, b); err != nil {
		return Frame{}, fmt.Errorf("wire: read frame: %w", within(err))
	}
	f.Payload = b[:size:size]
	if end := b[size]; end != FrameEnd {
		return Frame{}, broken(f, fmt.Sprintf("{invalid_frame_end_marker,%d}", end))
	}
	return f, nil
}

// room returns a buffer of n bytes.
func (r *Reader) room(n int) []byte {
	if cap(r.body) < n {
		r.body = make([]byte, n)
	}
	return r.body[:n]
}

func broken(f Frame, why string) error { return &FrameError{Reason: f.String() + ": " + why} }

// within converts io.EOF to io.ErrUnexpectedEOF.
func within(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
