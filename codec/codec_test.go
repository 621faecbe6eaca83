package codec_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/warren-mq/warren/codec"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

// rot is an encoding that adds a letter in front of the body.
type rot struct {
	name     string
	required bool
	fault    error
}

func (r rot) Name() string   { return r.name }
func (r rot) Required() bool { return r.required }

func (r rot) Encode(_ context.Context, m *message.Message) ([]byte, bool, error) {
	return append([]byte(r.name+"["+m.ContentEncoding+"]"), m.Body...), len(m.Body) > 0, r.fault
}

func (r rot) Decode(_ context.Context, m *message.Message) ([]byte, error) {
	body, ok := bytes.CutPrefix(m.Body, []byte(r.name+"["+m.ContentEncoding+"]"))
	if !ok {
		return nil, fmt.Errorf("the body is %q", m.Body)
	}
	return body, r.fault
}

func encoded(t *testing.T, c *codec.Codec, v any) *message.Message {
	t.Helper()
	m := &message.Message{ID: "1"}
	if err := c.MarshalMessage(t.Context(), m, v); err != nil {
		t.Fatal(err)
	}
	return m
}

// handled returns what a handler of text got from m.
func handled(t *testing.T, c handler.Codec, m *message.Message) (got string, err error) {
	t.Helper()
	err = handler.Typed(func(_ context.Context, text string) error {
		got = text
		return nil
	}, handler.WithCodec(c)).Handle(t.Context(), m)
	return got, err
}

func TestEncodingsAreNamedInTheirOrder(t *testing.T) {
	t.Parallel()
	m := encoded(t, codec.New(handler.JSON(), rot{name: "a"}, rot{name: "b"}), "x")
	if m.ContentType != "application/json" || m.ContentEncoding != "a, b" || string(m.Body) != `b[a]a[]"x"` {
		t.Errorf("got %s, %s, %s", m.ContentType, m.ContentEncoding, m.Body)
	}
	other := codec.New(handler.JSON(), rot{name: "c"}, rot{name: "b"}, rot{name: "a"})
	if got, err := handled(t, other, m); got != "x" || err != nil {
		t.Errorf("a consumer with another order got %q, %v", got, err)
	}
	if string(m.Body) != `b[a]a[]"x"` || m.ContentEncoding != "a, b" {
		t.Errorf("the message became %s, %s: a retry would publish that", m.ContentEncoding, m.Body)
	}
}

func TestBytesAreEncodedUnchanged(t *testing.T) {
	t.Parallel()
	m := encoded(t, codec.New(handler.JSON(), rot{name: "a"}), []byte("raw"))
	if m.ContentType != "application/octet-stream" || string(m.Body) != "a[]raw" {
		t.Errorf("got %s, %s; want the bytes, encoded", m.ContentType, m.Body)
	}
}

func TestBodiesThatCannotBeDecoded(t *testing.T) {
	t.Parallel()
	unavailable := rot{name: "c", fault: fmt.Errorf("store is away: %w", codec.ErrUnavailable)}
	for _, tt := range []struct {
		name, encoding, body, want string
		permanent                  bool
	}{
		{"an unknown encoding", "b, br", "x", `the content encoding is "b, br", want each of ["a" "b" "c"] at most once`, true},
		{"an encoding twice", "b, a, a", "a[b, a]x", "at most once", true},
		{"too many names", strings.Repeat("a,", 9), "x", "has 9 encodings, want at most 8", true},
		{"a missing encoding that is required", "a", "a[]x", "lacks b, which this consumer requires", true},
		{"an encoding that is required before a charset", "b, utf-8", `"x"`, "and after the names of charsets", true},
		{"an encoding before two charsets", "b, a, ascii, identity, b", "b[b, a, ascii, identity]x", "and after the names of charsets", true},
		{"an unknown encoding before a charset", "br, utf-8, b", "b[br, utf-8]x", "and after the names of charsets", true},
		{"a body that does not fit", "b", "x", `decode a body from b: the body is "x"`, true},
		{"bad JSON inside", "b", "b[]x", "at byte 1 of 1", true},
		{"a store that is away", "b, c", "c[b]x", "store is away", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := codec.New(handler.JSON(), rot{name: "a"}, rot{name: "b", required: true}, unavailable)
			_, err := handled(t, c, &message.Message{ContentEncoding: tt.encoding, Body: []byte(tt.body)})
			_, permanent := errors.AsType[*handler.DecodeError](err)
			if err == nil || !strings.Contains(err.Error(), tt.want) || permanent != tt.permanent {
				t.Errorf("got %v, want %q, permanent: %v", err, tt.want, tt.permanent)
			}
		})
	}
}

// TestNamesOfCharsetsAreText: kombu writes utf-8 as the content encoding of JSON.
func TestNamesOfCharsetsAreText(t *testing.T) {
	t.Parallel()
	c := codec.New(handler.JSON(), codec.Gzip(codec.Limits{}))
	for _, name := range []string{"", "utf-8", "UTF-8", "binary", "identity"} {
		if got, err := handled(t, c, &message.Message{ContentEncoding: name, Body: []byte(`"x"`)}); got != "x" || err != nil {
			t.Errorf("encoding %q: %q, %v", name, got, err)
		}
	}
}

func TestCharsetsAreConvertedAfterDecoding(t *testing.T) {
	t.Parallel()
	m := &message.Message{ContentType: "application/json; charset=iso-8859-1", ContentEncoding: "x-gzip", Body: zipped("\"Zo\xeb\"")}
	if got, err := handled(t, codec.New(handler.JSON(), codec.Gzip(codec.Limits{})), m); got != "Zoë" || err != nil {
		t.Errorf("got %q, %v; want Zoë", got, err)
	}
}

func TestWithoutAMessageNoBodyIsEncoded(t *testing.T) {
	t.Parallel()
	c := codec.New(handler.JSON(), rot{name: "a"})
	if _, err := c.Marshal("x"); err == nil || !strings.Contains(err.Error(), "MarshalMessage") {
		t.Errorf("Marshal returned %v", err)
	}
	var s string
	if err := c.Unmarshal([]byte(`"x"`), &s); err == nil || !strings.Contains(err.Error(), "OpenMessage") {
		t.Errorf("Unmarshal returned %v", err)
	}
}

func TestMistakesOfTheProgram(t *testing.T) {
	t.Parallel()
	for want, do := range map[string]func(){
		"codec: New got a nil codec": func() { codec.New(nil) },
		`codec: New got an encoding with the name "LZ4", want one name in lower case, and gzip instead of x-gzip`:    func() { codec.New(handler.JSON(), rot{name: "LZ4"}) },
		`codec: New got an encoding with the name "a, b", want one name in lower case, and gzip instead of x-gzip`:   func() { codec.New(handler.JSON(), rot{name: "a, b"}) },
		`codec: New got an encoding with the name "x-gzip", want one name in lower case, and gzip instead of x-gzip`: func() { codec.New(handler.JSON(), rot{name: "x-gzip"}) },
		"codec: New got the encoding a twice":                            func() { codec.New(handler.JSON(), rot{name: "a"}, rot{name: "a"}) },
		"codec: New got the encoding s before a, want it to be the last": func() { codec.New(handler.JSON(), storing{rot{name: "s"}}, rot{name: "a"}) },
	} {
		func() {
			defer func() {
				if got := recover(); got != want {
					t.Errorf("recovered %v, want %s", got, want)
				}
			}()
			do()
		}()
	}
}

// upper is a codec that writes the name of a charset in upper case.
type upper struct{ handler.Codec }

func (u upper) MarshalMessage(_ context.Context, m *message.Message, v any) (err error) {
	m.ContentEncoding = "UTF-8"
	m.Body, err = u.Marshal(v)
	return err
}

func TestAnEncodingDecodesWithTheNamesItWasGiven(t *testing.T) {
	t.Parallel()
	c := codec.New(upper{handler.JSON()}, rot{name: "a"})
	m := encoded(t, c, "x")
	if got, err := handled(t, c, m); got != "x" || err != nil || m.ContentEncoding != "utf-8, a" {
		t.Errorf("got %q, %v by the content encoding %q", got, err, m.ContentEncoding)
	}
	if m := encoded(t, codec.New(upper{handler.JSON()}), "x"); m.ContentEncoding != "UTF-8" {
		t.Errorf("without encodings the content encoding became %q", m.ContentEncoding)
	}
}

// storing is an encoding that keeps bodies elsewhere.
type storing struct{ rot }

func (storing) Unsent(context.Context, *message.Message) {}

func TestAnEncodingThatFailsIsAnError(t *testing.T) {
	t.Parallel()
	fault := errors.New("no entropy")
	err := codec.New(handler.JSON(), rot{name: "a", fault: fault}).MarshalMessage(t.Context(), new(message.Message), "x")
	if !errors.Is(err, fault) || !strings.HasPrefix(err.Error(), "codec: encode a body as a: ") {
		t.Errorf("got %v", err)
	}
	if err := codec.New(handler.JSON()).MarshalMessage(t.Context(), new(message.Message), func() {}); err == nil {
		t.Error("a function was encoded")
	}
}

func zipped(text string) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write([]byte(text)) // a buffer returns no error
	_ = w.Close()
	return out.Bytes()
}

func TestGzipCompressesWhatBecomesSmaller(t *testing.T) {
	t.Parallel()
	c := codec.New(handler.JSON(), codec.Gzip(codec.Limits{}))
	text := strings.Repeat("all work and no play ", 1000)
	for range 3 { // the writers and readers are used again
		m := encoded(t, c, text)
		if m.ContentEncoding != "gzip" || len(m.Body) > len(text)/20 {
			t.Fatalf("%d bytes became %d, %q", len(text), len(m.Body), m.ContentEncoding)
		}
		if got, err := handled(t, c, m); got != text || err != nil {
			t.Fatalf("%d bytes came back, %v; want %d", len(got), err, len(text))
		}
	}
	if m := encoded(t, c, "short"); m.ContentEncoding != "" {
		t.Errorf("a short body became %s", m.ContentEncoding)
	}
	always := codec.New(handler.JSON(), codec.Gzip(codec.Limits{MinBytes: -1}))
	if m := encoded(t, always, "short"); m.ContentEncoding != "" || string(m.Body) != `"short"` {
		t.Errorf("a body that would grow became %s, %q", m.ContentEncoding, m.Body)
	}
}

// TestGzipRefusesWhatItCouldNotDecompress, and leaves a large body that it would not compress.
func TestGzipRefusesWhatItCouldNotDecompress(t *testing.T) {
	t.Parallel()
	c := codec.New(handler.Raw(), codec.Gzip(codec.Limits{MaxBytes: 2000}))
	err := c.MarshalMessage(t.Context(), new(message.Message), make([]byte, 2001))
	if err == nil || !strings.Contains(err.Error(), "got 2001 bytes, want at most MaxBytes, which is 2000") {
		t.Errorf("got %v, want both sizes", err)
	}
	if m := encoded(t, c, make([]byte, 2000)); m.ContentEncoding != "gzip" {
		t.Errorf("a body of 2000 bytes has the encoding %q", m.ContentEncoding)
	}
	random := make([]byte, 3000)
	_, _ = rand.Read(random) // it returns no error
	if m := encoded(t, c, random); m.ContentEncoding != "" {
		t.Errorf("a body that would grow has the encoding %q", m.ContentEncoding)
	}
}

// TestGzipBombs: a bomb that states its size is refused at once, and one that lies is stopped at
// the limit.
func TestGzipBombs(t *testing.T) {
	bomb := zipped(strings.Repeat("\x00", 8<<20))
	lying := bytes.Clone(bomb)
	binary.LittleEndian.PutUint32(lying[len(lying)-4:], 10)
	small := codec.New(handler.Raw(), codec.Gzip(codec.Limits{MaxBytes: 1 << 10}))
	for name, body := range map[string][]byte{"honest": bomb, "lying": lying, "of two members": append(bytes.Clone(bomb), zipped("")...)} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := handled(t, small, &message.Message{ContentEncoding: "gzip", Body: body})
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), "too large, want at most 1024 bytes") {
			t.Errorf("%s: got %v", name, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 256<<10 {
			t.Errorf("%s: the refusal allocated %d bytes, want at most 256 KiB", name, n)
		}
	}
}

func FuzzOpenMessage(f *testing.F) {
	f.Add("gzip", zipped(`"x"`))
	f.Add("gzip, utf-8", []byte("\x1f\x8b\x08"))
	f.Add("x-gzip", []byte("12345678"))
	c := codec.New(handler.Raw(), codec.Gzip(codec.Limits{MinBytes: -1, MaxBytes: 1 << 16}))
	f.Fuzz(func(t *testing.T, encoding string, body []byte) {
		opened, _, err := c.OpenMessage(t.Context(), &message.Message{ContentEncoding: encoding, Body: body})
		if err != nil {
			return
		}
		if encoding != "" && len(codec.Names(opened)) == 0 && len(opened.Body) > 1<<16 {
			t.Fatalf("%d bytes were decoded, want at most 65536", len(opened.Body))
		}
		var m message.Message
		if len(opened.Body) > 1<<16 {
			return
		}
		if err := c.MarshalMessage(t.Context(), &m, opened.Body); err != nil {
			t.Fatal(err)
		}
		again, _, err := c.OpenMessage(t.Context(), &m)
		if err != nil || !bytes.Equal(again.Body, opened.Body) {
			t.Fatalf("%q became %v, %v", opened.Body, again, err)
		}
	})
}
