// Package bodies decodes the bodies of messages that are shown to operators.
package bodies

import (
	"context"
	"fmt"

	"github.com/warren-mq/warren/codec"
	"github.com/warren-mq/warren/codec/seal"
	"github.com/warren-mq/warren/codec/zstd"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

// Opener decodes compressed bodies, and sealed ones if it has their keys. It is safe for
// concurrent use.
type Opener struct {
	codec *codec.Codec
	keys  bool
}

// NewOpener returns an opener with the keys of ring. With nil, sealed bodies stay closed.
func NewOpener(ring *seal.Ring) *Opener {
	encodings := []codec.Encoding{codec.Gzip(codec.Limits{}), zstd.Encoding(codec.Limits{})}
	if ring != nil {
		encodings = append(encodings, seal.Optional(ring))
	}
	return &Opener{codec.New(handler.Raw(), encodings...), ring != nil}
}

// Open returns the decoded body of m. If the body is sealed and cannot be opened, Open returns
// no body, and a note such as "sealed, key id 2027". If a body has another encoding that cannot
// be decoded, Open returns it as it is.
func (o *Opener) Open(ctx context.Context, m *message.Message) (body []byte, note string) {
	note = Sealed(m)
	if note != "" && !o.keys {
		return nil, note
	}
	opened, _, err := o.codec.OpenMessage(ctx, m)
	switch {
	case err == nil:
		return opened.Body, ""
	case note != "":
		return nil, fmt.Sprintf("%s: %v", note, err)
	}
	return m.Body, ""
}

// Sealed returns a note about a sealed body, or "".
func Sealed(m *message.Message) string {
	id, sealed := seal.KeyID(m)
	switch {
	case !sealed:
		return ""
	case id == "":
		return "sealed"
	}
	return "sealed, key id " + id
}
