package wire_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

func TestABodyIsSplitByTheSizeOfFrames(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		body     int
		frameMax uint32
		want     []int // payloads of the body frames
	}{
		{"no body, no frame", 0, 4096, nil},
		{"a body that fits", 4088, 4096, []int{4088}},
		{"a byte too many", 4089, 4096, []int{4088, 1}},
		{"many frames", 9000, 4096, []int{4088, 4088, 824}},
		{"no limit", 9000, 0, []int{9000}},
		{"a limit with room for nothing", 2, 8, []int{1, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			body := bytes.Repeat([]byte("x"), tt.body)
			r := wire.NewReader(bytes.NewReader(wire.AppendContent(nil, 9, wire.ClassBasic, nil, body, tt.frameMax)))
			if f, err := r.Next(); err != nil || f.Type != wire.FrameHeader {
				t.Fatalf("got %v, error %v, want a header", f, err)
			}
			for _, want := range tt.want {
				f, err := r.Next()
				if err != nil {
					t.Fatal(err)
				}
				if f.Type != wire.FrameBody || f.Channel != 9 || len(f.Payload) != want {
					t.Errorf("type %d, channel %d, %d bytes; want a body of %d", f.Type, f.Channel, len(f.Payload), want)
				}
			}
			if n := r.Buffered(); n > 0 {
				t.Errorf("%d bytes too many", n)
			}
		})
	}
}

func TestWhatIsInTheBufferStays(t *testing.T) {
	t.Parallel()
	dst := []byte("kept")
	dst = wire.AppendMethod(dst, 1, &wire.BasicAck{DeliveryTag: 1})
	dst = wire.AppendContent(dst, 1, wire.ClassBasic, nil, []byte("x"), 0)
	dst = wire.AppendHeartbeat(dst)
	if !bytes.HasPrefix(dst, []byte("kept\x01\x00\x01\x00\x00\x00\x0d")) {
		t.Errorf("got %q", dst)
	}
}

func TestALongReplyTextIsCutBetweenRunes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		want       int // bytes
	}{
		{"255 bytes fit", strings.Repeat("a", 255), 255},
		{"256 bytes are one too many", strings.Repeat("a", 256), 255},
		{"a rune across the limit is left out", strings.Repeat("a", 254) + "é", 254},
		{"a rune up to the limit is kept", strings.Repeat("a", 253) + "é…", 255},
		{"a long rune across the limit is left out", strings.Repeat("a", 252) + "😀", 252},
		{"what is no text is cut too", strings.Repeat("\x80", 300), 251},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := &wire.BasicReturn{ReplyText: tt.text}
			got, err := wire.ParseMethod(payload(t, wire.AppendMethod(nil, 1, m)))
			if err != nil {
				t.Fatal(err)
			}
			if want := (&wire.BasicReturn{ReplyText: tt.text[:tt.want]}); !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}
