package handler

import (
	"slices"
	"strings"
)

// Codec turns values into bodies and back. It must be safe for concurrent use. If it has a
// method Text() as well, its bodies are text in UTF-8: Typed converts a body that its
// content type declares as ISO-8859-1 or UTF-16 before it calls Unmarshal, and returns a
// *DecodeError for other charsets.
type Codec interface {
	// ContentType is the MIME type of what Marshal makes.
	ContentType() string
	// Accepts says whether Unmarshal understands bodies of this MIME type, which
	// may have parameters and be in any case.
	Accepts(contentType string) bool
	// Marshal returns v as a body.
	Marshal(v any) ([]byte, error)
	// Unmarshal stores the body into v, which is a pointer to the value. It must
	// not keep data, nor let v refer to it.
	Unmarshal(data []byte, v any) error
}

// mediaType is a content type without its parameters, in lower case.
func mediaType(contentType string) string {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// pick returns the codec for a content type, or nil. No content type at all is
// common with simple publishers; the first codec takes those.
func pick(codecs []Codec, contentType string) Codec {
	if mediaType(contentType) == "" {
		return codecs[0]
	}
	if i := slices.IndexFunc(codecs, func(c Codec) bool { return c.Accepts(contentType) }); i >= 0 {
		return codecs[i]
	}
	return nil
}
