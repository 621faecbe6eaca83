package zstd_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	kzstd "github.com/klauspost/compress/zstd"

	"github.com/warren-mq/warren/codec"
	"github.com/warren-mq/warren/codec/zstd"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

func open(t *testing.T, c *codec.Codec, m *message.Message) ([]byte, error) {
	t.Helper()
	opened, _, err := c.OpenMessage(t.Context(), m)
	if err != nil {
		return nil, err
	}
	return opened.Body, nil
}

func TestBodiesComeBack(t *testing.T) {
	t.Parallel()
	c := codec.New(handler.Raw(), zstd.Encoding(codec.Limits{}))
	for _, body := range []string{"", "short", strings.Repeat("all work and no play ", 100_000)} {
		m := &message.Message{}
		if err := c.MarshalMessage(t.Context(), m, []byte(body)); err != nil {
			t.Fatal(err)
		}
		if got := m.ContentEncoding == "zstd"; got != (len(body) > 1024) {
			t.Errorf("%d bytes have the encoding %q", len(body), m.ContentEncoding)
		}
		if got, err := open(t, c, m); string(got) != body || err != nil {
			t.Errorf("%d bytes came back, %v; want %d", len(got), err, len(body))
		}
	}
}

func TestWhatCouldNotBeDecompressedIsRefused(t *testing.T) {
	t.Parallel()
	c := codec.New(handler.Raw(), zstd.Encoding(codec.Limits{MaxBytes: 2000}))
	err := c.MarshalMessage(t.Context(), new(message.Message), make([]byte, 2001))
	if err == nil || !strings.Contains(err.Error(), "got 2001 bytes, want at most MaxBytes, which is 2000") {
		t.Errorf("got %v, want both sizes", err)
	}
	m := new(message.Message)
	if err := c.MarshalMessage(t.Context(), m, make([]byte, 2000)); err != nil || m.ContentEncoding != "zstd" {
		t.Errorf("a body of 2000 bytes has the encoding %q, %v", m.ContentEncoding, err)
	}
}

// TestBombsAreRefusedBeforeMemoryIsAllocated measures the bytes that the refusal of a bomb of
// 256 MiB allocates.
func TestBombsAreRefusedBeforeMemoryIsAllocated(t *testing.T) {
	encoder, err := kzstd.NewWriter(nil, kzstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	bomb := encoder.EncodeAll(make([]byte, 256<<20), nil)
	if err := encoder.Close(); err != nil {
		t.Fatal(err)
	}
	wide := append([]byte("\x28\xb5\x2f\xfd\x00\xf8"), "\x01\x00\x00"...) // asks for a window of 2^41 bytes
	c := codec.New(handler.Raw(), zstd.Encoding(codec.Limits{MaxBytes: 1 << 20}))
	for name, body := range map[string][]byte{"large": bomb, "wide": wide} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := open(t, c, &message.Message{ContentEncoding: "zstd", Body: body})
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), "too large, want at most 1048576 bytes") {
			t.Errorf("%s: a bomb of %d bytes: %v", name, len(body), err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
			t.Errorf("%s: the refusal allocated %d bytes, want at most 8 MiB", name, n)
		}
	}
}

func TestBadBytesAreAnError(t *testing.T) {
	t.Parallel()
	c := codec.New(handler.Raw(), zstd.Encoding(codec.Limits{}))
	if got, err := open(t, c, &message.Message{ContentEncoding: "zstd", Body: []byte("no zstd")}); err == nil {
		t.Errorf("got %q, want an error", got)
	}
}

func ExampleEncoding() {
	bodies := codec.New(handler.JSON(), zstd.Encoding(codec.Limits{MaxBytes: 1 << 20}))
	m := &message.Message{}
	err := bodies.MarshalMessage(context.Background(), m, strings.Repeat("a", 5000))
	fmt.Println(m.ContentEncoding, len(m.Body) < 100, err)
	// Output: zstd true <nil>
}

func FuzzDecode(f *testing.F) {
	c := codec.New(handler.Raw(), zstd.Encoding(codec.Limits{MinBytes: -1, MaxBytes: 1 << 16}))
	m := &message.Message{}
	if err := c.MarshalMessage(f.Context(), m, []byte(strings.Repeat("seed ", 100))); err != nil {
		f.Fatal(err)
	}
	f.Add(m.Body)
	f.Add([]byte("\x28\xb5\x2f\xfd"))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := open(t, c, &message.Message{ContentEncoding: "zstd", Body: body})
		if err == nil && len(got) > 1<<16 {
			t.Fatalf("%d bytes were decoded, want at most 65536", len(got))
		}
	})
}
