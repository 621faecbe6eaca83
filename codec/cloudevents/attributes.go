package cloudevents

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/warren-mq/warren/message"
)

// prefix begins the names of headers in binary mode. The prefix of the first versions of the
// binding ended with a colon, which some clients cannot write.
const (
	prefix    = "cloudEvents_"
	oldPrefix = "cloudEvents:"
)

// maxAttributes is how many attributes an event may have.
const maxAttributes = 100

var errNoEvent = errors.New("cloudevents: the message is not a CloudEvent: the header cloudEvents_specversion is missing, and the content type is not " + structured)

// validate reports the attributes that are not valid.
func (e *Event) validate() error {
	var faults []error
	for _, a := range [][2]string{{"id", e.ID}, {"source", e.Source}, {"type", e.Type}} {
		if a[1] == "" {
			faults = append(faults, fmt.Errorf("cloudevents: the attribute %s is missing", a[0]))
		}
	}
	if len(e.Extensions) > maxAttributes {
		faults = append(faults, fmt.Errorf("cloudevents: the event has %d extensions, want at most %d", len(e.Extensions), maxAttributes))
	}
	for _, name := range slices.Sorted(maps.Keys(e.Extensions)) {
		if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789") != "" || slices.Contains(reserved, name) {
			faults = append(faults, fmt.Errorf("cloudevents: the extension is named %.80q, want lower-case letters and digits", name))
		}
	}
	return errors.Join(faults...)
}

// reserved are the names that an extension may not have.
var reserved = []string{
	"specversion", "id", "source", "type", "subject", "dataschema", "time", "datacontenttype", "data",
}

// attributes returns the attributes that are set, without datacontenttype.
func (e *Event) attributes() map[string]string {
	all := map[string]string{"specversion": specVersion, "id": e.ID, "source": e.Source, "type": e.Type}
	maps.Copy(all, e.Extensions)
	for name, value := range map[string]string{"subject": e.Subject, "dataschema": e.DataSchema} {
		if value != "" {
			all[name] = value
		}
	}
	if !e.Time.IsZero() {
		all["time"] = e.Time.UTC().Format(time.RFC3339Nano)
	}
	return all
}

// take sets an attribute.
func (e *Event) take(name, value string) (err error) {
	switch name {
	case "specversion":
		if value != specVersion {
			return fmt.Errorf("cloudevents: the specversion is %.20q, want %s", value, specVersion)
		}
	case "id":
		e.ID = value
	case "source":
		e.Source = value
	case "type":
		e.Type = value
	case "subject":
		e.Subject = value
	case "dataschema":
		e.DataSchema = value
	case "datacontenttype":
		e.DataContentType = value
	case "time":
		if e.Time, err = time.Parse(time.RFC3339Nano, value); err != nil {
			return fmt.Errorf("cloudevents: the attribute time is %.40q, want a time of RFC 3339", value)
		}
	default:
		if e.Extensions == nil {
			e.Extensions = make(map[string]string)
		}
		e.Extensions[name] = value
	}
	return nil
}

// read returns the event in m and its data.
func read(m *message.Message) (e Event, data []byte, err error) {
	if isStructured(m.ContentType) {
		return readBody(m.Body)
	}
	found := false
	for _, begin := range []string{oldPrefix, prefix} {
		for header, value := range m.Headers {
			name, ok := strings.CutPrefix(header, begin)
			if !ok {
				continue
			}
			found = found || name == "specversion"
			if err := e.take(name, text(m.Headers, header, value)); err != nil {
				return e, nil, err
			}
		}
	}
	if !found {
		return e, nil, errNoEvent
	}
	e.DataContentType = m.ContentType
	return e, m.Body, nil
}

// text returns the value of a header, which may also be a number, a boolean or a time.
func text(h message.Headers, name string, value any) string {
	if h.IsText(name) {
		return h.String(name)
	}
	if at, ok := value.(time.Time); ok {
		return at.UTC().Format(time.RFC3339Nano)
	}
	return fmt.Sprint(value)
}

// writeBody replaces the body of m, the data, by the event as JSON. Data whose type is JSON is a
// part of it, and other data is base64.
func (e *Event) writeBody(m *message.Message) error {
	data := m.Body
	all := make(map[string]any, maxAttributes)
	for name, value := range e.attributes() {
		all[name] = value
	}
	all["datacontenttype"] = e.DataContentType
	switch {
	case !isJSON(e.DataContentType):
		all["data_base64"] = data
	case json.Valid(data):
		all["data"] = json.RawMessage(data)
	default:
		return fmt.Errorf("cloudevents: the data has the content type %s and is not JSON", e.DataContentType)
	}
	body, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("cloudevents: %w", err)
	}
	m.Body, m.ContentType = body, structured
	return nil
}

// isJSON reports whether data of the type is a JSON value in an event. Data without a type is.
func isJSON(contentType string) bool {
	kind, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	kind = strings.TrimSpace(kind)
	return kind == "" || kind == "application/json" || kind == "text/json" || strings.HasSuffix(kind, "+json")
}

// readBody returns the event in a body of structured mode, and its data.
func readBody(body []byte) (e Event, data []byte, err error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(body, &all); err != nil {
		return e, nil, fmt.Errorf("cloudevents: the body is not an event: %w", err)
	}
	if all["specversion"] == nil {
		return e, nil, errors.New("cloudevents: the attribute specversion is missing")
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if name == "data" || name == "data_base64" || isNull(all[name]) {
			continue
		}
		value, err := scalar(all[name])
		if err == nil {
			err = e.take(name, value)
		}
		if err != nil {
			return e, nil, fmt.Errorf("cloudevents: attribute %.40q: %w", name, err)
		}
	}
	data, err = e.data(all)
	return e, data, err
}

func isNull(value json.RawMessage) bool { return string(bytes.TrimSpace(value)) == "null" }

// scalar returns the text of an attribute: a string, a number or a boolean.
func scalar(value json.RawMessage) (string, error) {
	switch value[0] {
	case '"':
		var s string
		err := json.Unmarshal(value, &s)
		return s, err
	case '{', '[':
		return "", errors.New("the value is an object or an array, want a string, a number or a boolean")
	}
	return string(value), nil
}

// data returns the data of a body in structured mode: JSON as it is, text without its quotes,
// and binary data without its base64.
func (e *Event) data(all map[string]json.RawMessage) (data []byte, err error) {
	plain, encoded := all["data"], all["data_base64"]
	switch {
	case plain != nil && encoded != nil:
		return nil, errors.New("cloudevents: the event has data and data_base64, want one of them")
	case encoded != nil:
		if err := json.Unmarshal(encoded, &data); err != nil {
			return nil, errors.New("cloudevents: data_base64 is not base64")
		}
		return data, nil
	case plain == nil || isJSON(e.DataContentType):
		return plain, nil
	}
	var text string
	if err := json.Unmarshal(plain, &text); err != nil {
		return nil, fmt.Errorf("cloudevents: the data has the content type %.80q, want it to be a string", e.DataContentType)
	}
	return []byte(text), nil
}
