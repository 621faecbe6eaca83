package wire_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

func TestFramesComeOutAsTheyWentIn(t *testing.T) {
	t.Parallel()
	in := wire.AppendProtocolHeader(nil)
	in = wire.AppendMethod(in, 1, &wire.BasicPublish{RoutingKey: "q"})
	in = wire.AppendContent(in, 1, wire.ClassBasic, []byte{0, 0}, []byte("hello"), 0)
	in = wire.AppendHeartbeat(in)
	want := []wire.Frame{
		{wire.FrameMethod, 1, []byte("\x00\x3c\x00\x28\x00\x00\x00\x01q\x00")},
		{wire.FrameHeader, 1, []byte("\x00\x3c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00")},
		{wire.FrameBody, 1, []byte("hello")},
		{wire.FrameHeartbeat, 0, nil},
	}
	r := wire.NewReader(iotest.OneByteReader(bytes.NewReader(in)))
	if header, err := r.ProtocolHeader(); err != nil || string(header[:]) != "AMQP\x00\x00\x09\x01" {
		t.Fatalf("protocol header %q, error %v", header, err)
	}
	for _, want := range want {
		got, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if got.Type != want.Type || got.Channel != want.Channel || !bytes.Equal(got.Payload, want.Payload) {
			t.Errorf("got %v on channel %d, want %v", got, got.Channel, want)
		}
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last frame the error is %v, want EOF", err)
	}
}

func TestAnEndWithinAFrameIsUnexpected(t *testing.T) {
	t.Parallel()
	in := wire.AppendContent(nil, 1, wire.ClassBasic, nil, nil, 0)
	for i := 1; i < len(in); i++ {
		if _, err := wire.NewReader(bytes.NewReader(in[:i])).Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("after %d bytes the error is %v, want ErrUnexpectedEOF", i, err)
		}
	}
	if _, err := wire.NewReader(strings.NewReader("AMQP")).ProtocolHeader(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("in the protocol header the error is %v, want ErrUnexpectedEOF", err)
	}
}

func TestErrorsOfTheConnectionArePassedOn(t *testing.T) {
	t.Parallel()
	r := wire.NewReader(iotest.ErrReader(io.ErrClosedPipe))
	if _, err := r.Next(); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v, want ErrClosedPipe", err)
	}
}

func TestMalformedFramesAreRefusedInRabbitMQsWords(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		frameMax uint32
		in, want string
	}{
		{"a payload of the limit is taken", 4096, "\x03\x00\x01\x00\x00\x10\x00" + strings.Repeat("a", 4096) + "\xce", ""},
		{
			"a payload above the limit", 4096, "\x03\x00\x01\x00\x00\x10\x01",
			"wire: type 3, all octets = <<>>: {frame_too_large,4097,4088}",
		},
		{
			"a payload above what goes without a limit", 0, "\x01\x00\x00\x01\x00\x00\x01",
			"wire: type 1, all octets = <<>>: {frame_too_large,16777217,16777208}",
		},
		{
			"a payload above what goes with any limit", 1<<32 - 1, "\x01\x00\x00\xff\xff\xff\xff",
			"wire: type 1, all octets = <<>>: {frame_too_large,4294967295,16777208}",
		},
		{
			"a wrong end after a short payload", 0, "\x01\x00\x00\x00\x00\x00\x02\x00\x0a\xcf",
			"wire: type 1, all octets = <<0,10>>: {invalid_frame_end_marker,207}",
		},
		{
			"a wrong end after a long payload", 0, "\x03\x00\x00\x00\x00\x00\x11say \"hello\", they\x00",
			`wire: type 3, first 16 octets = <<"say \"hello\", the">>: {invalid_frame_end_marker,0}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := wire.NewReader(strings.NewReader(tt.in))
			r.SetMax(tt.frameMax)
			_, err := r.Next()
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var e *wire.FrameError
			if !errors.As(err, &e) || e.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestBeforeTheTuningAFrameHasAtMost128KiB(t *testing.T) {
	t.Parallel()
	_, err := wire.NewReader(strings.NewReader("\x01\x00\x00\x00\x03\x0d\x40")).Next()
	const want = "wire: type 1, all octets = <<>>: {frame_too_large,200000,131064}"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestTheReaderSaysWhatItHasBuffered(t *testing.T) {
	t.Parallel()
	beat := wire.AppendHeartbeat(nil)
	r := wire.NewReader(bytes.NewReader(bytes.Repeat(beat, 3)))
	if n := r.Buffered(); n != 0 {
		t.Errorf("%d bytes before the first frame", n)
	}
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if got, want := r.Buffered(), 2*len(beat); got != want {
		t.Errorf("%d bytes after the first of three frames, want %d", got, want)
	}
}
