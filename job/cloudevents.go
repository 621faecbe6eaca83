package job

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/warren-mq/warren/message"
)

// describeEvent says in h what CloudEvents wants to know of m.
func (w Webhook) describeEvent(h http.Header, id string, m *message.Message) {
	set := func(name, value string) {
		if value != "" {
			h.Set("ce-"+name, percentEncoded(value))
		}
	}
	set("specversion", "1.0")
	set("id", id)
	set("source", cmp.Or(w.Source, "/"+url.PathEscape(cmp.Or(m.Exchange, m.Queue))))
	set("type", cmp.Or(m.Type, m.RoutingKey, "message"))
	set("time", timestamp(m))
	for name := range m.Headers {
		attribute, ours := eventAttribute(name)
		if ours && attribute != "datacontenttype" { // that is Content-Type
			set(attribute, headerText(m.Headers[name]))
		}
	}
}

// eventAttribute returns the name of the attribute that a message header carries, as
// CloudEvents' AMQP binding has it.
func eventAttribute(header string) (string, bool) {
	name, ok := strings.CutPrefix(header, "cloudEvents:")
	if !ok {
		name, ok = strings.CutPrefix(header, "cloudEvents_")
	}
	outside := func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }
	return name, ok && name != "" && strings.IndexFunc(name, outside) < 0
}

// percentEncoded is value as CloudEvents' HTTP binding has it: all but printable ASCII,
// and space, double quote and percent, as the bytes of their UTF-8.
func percentEncoded(value string) string {
	var b strings.Builder
	for _, c := range []byte(strings.ToValidUTF8(value, "\uFFFD")) {
		if c <= ' ' || c >= 0x7f || c == '"' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
