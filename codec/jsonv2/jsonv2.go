// Package jsonv2 is a codec for JSON that decodes faster than handler.JSON, by
// github.com/go-json-experiment/json. This module is the source of encoding/json/v2, and is the
// same as encoding/json/v2 in programs that are built with GOEXPERIMENT=jsonv2.
package jsonv2

import (
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/warren-mq/warren/handler"
)

type codec struct {
	handler.Codec // accepts the same content types

	options json.Options
}

// Codec returns the codec. It accepts the same content types and charsets as handler.JSON, and
// ignores unknown fields, too. Its values differ where encoding/json/v2 differs from
// encoding/json:
//
//   - A name must match its field in upper and lower case.
//   - An object that has a name twice is an error.
//   - A nil slice or map is encoded as [] or {} instead of null.
//   - A time.Duration needs a format in its struct tag.
//
// Options change this: json.MatchCaseInsensitiveNames(true), for example.
func Codec(options ...json.Options) handler.Codec {
	return codec{handler.JSON(), json.JoinOptions(options...)}
}

// Text marks the bodies as text: see handler.Codec.
func (codec) Text() {}

func (c codec) Marshal(v any) ([]byte, error) {
	data, err := json.Marshal(v, c.options)
	if err != nil {
		return nil, fmt.Errorf("jsonv2: %w", err)
	}
	return data, nil
}

func (c codec) Unmarshal(data []byte, v any) error {
	if err := json.Unmarshal(data, v, c.options); err != nil {
		return fmt.Errorf("jsonv2: %w", err)
	}
	return nil
}
