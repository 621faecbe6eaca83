package handler

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"mime"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// textCodec is a Codec whose bodies are text: see Codec.
type textCodec interface {
	Codec
	Text()
}

// utf8BOM may begin a text in UTF-8; RFC 8259 lets parsers of JSON ignore it.
var utf8BOM = []byte("\xef\xbb\xbf")

// toUTF8 converts a body from the charset that its content type declares, UTF-8 if it
// declares none, and removes a byte order mark.
func toUTF8(body []byte, contentType string) ([]byte, error) {
	switch charset := declaredCharset(contentType); charset {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
		return bytes.TrimPrefix(body, utf8BOM), nil
	case "iso-8859-1", "iso_8859-1", "latin1":
		return fromLatin1(body), nil
	case "utf-16":
		return fromUTF16(body, binary.BigEndian)
	case "utf-16be":
		return fromUTF16(body, binary.BigEndian)
	case "utf-16le":
		return fromUTF16(body, binary.LittleEndian)
	default:
		return nil, fmt.Errorf("charset %q is not supported, want utf-8, us-ascii, iso-8859-1 or utf-16", charset)
	}
}

// declaredCharset returns the charset that the content type declares, in lower case, or ""
// if it declares none. A parameter that cannot be read does not hide the charset.
func declaredCharset(contentType string) string {
	if !strings.Contains(contentType, "=") { // no parameters: nothing to allocate for
		return ""
	}
	_, parameters, err := mime.ParseMediaType(contentType)
	if err == nil {
		return strings.ToLower(parameters["charset"])
	}
	for parameter := range strings.SplitSeq(contentType, ";") {
		name, value, _ := strings.Cut(parameter, "=")
		if strings.EqualFold(strings.TrimSpace(name), "charset") {
			return strings.ToLower(strings.Trim(value, " \t\""))
		}
	}
	return ""
}

// fromLatin1 converts ISO-8859-1, whose bytes are the first 256 code points.
func fromLatin1(body []byte) []byte {
	text := make([]byte, 0, len(body)+len(body)/8)
	for _, b := range body {
		text = utf8.AppendRune(text, rune(b))
	}
	return text
}

// fromUTF16 converts UTF-16 in the given order of bytes, unless a byte order mark says
// otherwise (RFC 2781).
func fromUTF16(body []byte, order binary.ByteOrder) ([]byte, error) {
	if len(body)%2 != 0 {
		return nil, fmt.Errorf("the body has %d bytes, want an even number for utf-16", len(body))
	}
	switch {
	case bytes.HasPrefix(body, []byte{0xfe, 0xff}):
		order, body = binary.BigEndian, body[2:]
	case bytes.HasPrefix(body, []byte{0xff, 0xfe}):
		order, body = binary.LittleEndian, body[2:]
	}
	text := make([]byte, 0, len(body))
	for len(body) > 0 {
		r := rune(order.Uint16(body))
		body = body[2:]
		if utf16.IsSurrogate(r) {
			if len(body) == 0 {
				return nil, errLoneSurrogate
			}
			if r = utf16.DecodeRune(r, rune(order.Uint16(body))); r == utf8.RuneError {
				return nil, errLoneSurrogate
			}
			body = body[2:]
		}
		text = utf8.AppendRune(text, r)
	}
	return text, nil
}

var errLoneSurrogate = errors.New("the body has half of a utf-16 surrogate pair")

// checkUTF8 reports the first byte that is not UTF-8. encoding/json would replace it.
func checkUTF8(text []byte) error {
	if utf8.Valid(text) {
		return nil
	}
	for at := 0; ; {
		r, n := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && n <= 1 {
			return fmt.Errorf("at byte %d of %d: the body is not UTF-8, and its content type declares no other charset", at, len(text))
		}
		at += n
	}
}
