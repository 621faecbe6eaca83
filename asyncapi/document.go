package asyncapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/warren-mq/warren/internal/record"
)

const (
	version        = "3.0.0"
	bindingVersion = "0.3.0" // of AMQP 0-9-1
	schemasAt      = "#/components/schemas/"
)

// document is an AsyncAPI document, as far as Warren has values for it.
type document struct {
	AsyncAPI           string               `json:"asyncapi"`
	Info               info                 `json:"info"`
	DefaultContentType string               `json:"defaultContentType"`
	Servers            map[string]server    `json:"servers,omitempty"`
	Channels           map[string]channel   `json:"channels"`
	Operations         map[string]operation `json:"operations"`
	Components         components           `json:"components"`
}

type info struct {
	Title       string `json:"title"`
	Version     string `json:"version"`
	Description string `json:"description,omitempty"`
}

type server struct {
	Host            string `json:"host"`
	Pathname        string `json:"pathname,omitempty"`
	Protocol        string `json:"protocol"`
	ProtocolVersion string `json:"protocolVersion"`
}

type ref struct {
	Ref string `json:"$ref"`
}

type channel struct {
	Address         *string        `json:"address"` // null if it is known at run time only
	Title           string         `json:"title"`
	Description     string         `json:"description,omitempty"`
	Messages        map[string]ref `json:"messages"`
	Bindings        map[string]any `json:"bindings"`
	DeadLetterQueue string         `json:"x-dead-letter-queue,omitempty"`
}

type operation struct {
	Action   string         `json:"action"`
	Channel  ref            `json:"channel"`
	Summary  string         `json:"summary"`
	Messages []ref          `json:"messages"`
	Reply    *reply         `json:"reply,omitempty"`
	Bindings map[string]any `json:"bindings"`
}

type message struct {
	Name        string `json:"name"`
	Title       string `json:"title"`
	ContentType string `json:"contentType,omitempty"`
	Payload     *ref   `json:"payload,omitempty"`
	Traits      []ref  `json:"traits"`
}

type components struct {
	Schemas       map[string]any            `json:"schemas"`
	Messages      map[string]message        `json:"messages"`
	MessageTraits map[string]map[string]any `json:"messageTraits"`
}

// amqp returns bindings for AMQP 0-9-1.
func amqp(fields map[string]any) map[string]any {
	fields["bindingVersion"] = bindingVersion
	return map[string]any{"amqp": fields}
}

const headersTrait = "warrenHeaders"

// headers returns the schema of the headers that Warren writes. All are optional.
func headers() map[string]any {
	properties := make(map[string]any)
	for _, h := range record.Contract() {
		property := map[string]any{"type": "string", "description": strings.ToUpper(h.About[:1]) + h.About[1:] + "."}
		switch h.Type {
		case record.Integer:
			property["type"] = "integer"
		case record.Time:
			property["format"] = "date-time"
		}
		properties[h.Name] = property
	}
	return map[string]any{"type": "object", "properties": properties}
}

func (d *document) encode() ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(d); err != nil {
		return nil, fmt.Errorf("asyncapi: encode the document: %w", err)
	}
	return out.Bytes(), nil
}

// identifier returns text as a key of a document: * becomes any, # becomes all, and other
// characters that a key may not have become _.
func identifier(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '*':
			b.WriteString("any")
		case r == '#':
			b.WriteString("all")
		case r < 0x80 && (r == '.' || r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'):
			b.WriteRune(r)
		default:
			b.WriteByte('_')
		}
	}
	return b.String()
}
