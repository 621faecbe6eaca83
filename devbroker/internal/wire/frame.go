package wire

import (
	"fmt"
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
	// FrameOverhead is what a frame has besides its payload, in bytes.
	FrameOverhead = headSize + 1

	headSize = 7 // type, channel, length of the payload
)

// Frame is one frame. Its type may be any, known or not.
type Frame struct {
	Type    byte
	Channel uint16
	Payload []byte
}

// String describes the frame in RabbitMQ's words, for the text of an error:
// "type 1, all octets = <<0,10>>". Of a long payload it shows 16 octets.
func (f Frame) String() string {
	const most = 16
	if len(f.Payload) > most {
		return fmt.Sprintf("type %d, first %d octets = %s", f.Type, most, Quote(f.Payload[:most]))
	}
	return fmt.Sprintf("type %d, all octets = %s", f.Type, Quote(f.Payload))
}

// FrameError says that the peer has sent what is not AMQP. RabbitMQ answers with
// 501 FRAME_ERROR and closes the connection.
type FrameError struct {
	Reason        string // in RabbitMQ's words
	Class, Method uint16 // whose arguments are wrong; 0 if it is not a method's
}

// Error returns the reason, the package's name before it.
func (e *FrameError) Error() string { return "wire: " + e.Reason }

// undecodable is the reason for refusing arguments or properties.
func undecodable(b []byte) string { return "cannot decode " + Octets(b) }

// Quote writes b as Erlang prints binaries: as text if all of it is printable, which
// here means in ASCII.
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

// Octets writes b as Erlang prints a binary of numbers, "<<0,10>>". Of a long one it
// shows the beginning: more than fits into a reply text.
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
