package celery

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxRepr is how many bytes the arguments may have in a header, as in Celery.
const maxRepr = 1024

// repr returns JSON as a literal of Python, in which a list is a tuple at the top. If it has more
// than maxRepr bytes, it is cut and ends with "...". Flower parses it.
func repr(text json.RawMessage) string {
	w := &reprWriter{d: json.NewDecoder(bytes.NewReader(text))}
	w.d.UseNumber()
	if text[0] == '[' {
		w.next()
		w.list("(", ")")
	} else {
		w.value()
	}
	literal := w.out.String()
	if len(literal) <= maxRepr {
		return literal
	}
	end := maxRepr - len("...")
	for !utf8.RuneStart(literal[end]) {
		end--
	}
	return literal[:end] + "..."
}

// reprWriter writes values of valid JSON as Python until there are more than maxRepr bytes. Each
// level of nesting writes a byte, which bounds the recursion too.
type reprWriter struct {
	out strings.Builder
	d   *json.Decoder
}

func (w *reprWriter) full() bool { return w.out.Len() > maxRepr }

// next returns the next token, or nil at the end, which valid JSON does not have here.
func (w *reprWriter) next() json.Token {
	t, err := w.d.Token()
	if err != nil {
		return nil
	}
	return t
}

func (w *reprWriter) value() {
	switch t := w.next().(type) {
	case json.Delim:
		if t == '[' {
			w.list("[", "]")
		} else {
			w.object()
		}
	case string:
		w.text(t)
	case json.Number:
		w.out.WriteString(t.String())
	case bool:
		w.out.WriteString(map[bool]string{true: "True", false: "False"}[t])
	default:
		w.out.WriteString("None")
	}
}

// text writes a string. The escapes of Go are escapes of Python, too.
func (w *reprWriter) text(s string) {
	w.out.WriteString(strconv.Quote(s[:min(len(s), maxRepr+1)]))
}

// list writes the elements of a list whose first token was read.
func (w *reprWriter) list(begin, end string) {
	w.out.WriteString(begin)
	n := 0
	for ; w.d.More() && !w.full(); n++ {
		w.comma(n)
		w.value()
	}
	if n == 1 && end == ")" {
		w.out.WriteByte(',') // a tuple of one element
	}
	w.end(end)
}

// object writes the members of an object whose first token was read.
func (w *reprWriter) object() {
	w.out.WriteByte('{')
	for n := 0; w.d.More() && !w.full(); n++ {
		w.comma(n)
		name, _ := w.next().(string)
		w.text(name)
		w.out.WriteString(": ")
		w.value()
	}
	w.end("}")
}

func (w *reprWriter) comma(n int) {
	if n > 0 {
		w.out.WriteString(", ")
	}
}

func (w *reprWriter) end(text string) {
	if !w.full() {
		w.next()
		w.out.WriteString(text)
	}
}
