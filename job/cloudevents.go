package job

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/warren-mq/warren/message"
)

// describeEvent adds the CloudEvents attributes of m to h.
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

// eventAttribute returns the name of the CloudEvents attribute in a message header,
// according to CloudEvents' AMQP binding.
func eventAttribute(header string) (string, bool) {
	name, ok := strings.CutPrefix(header, "cloudEvents:")
	if !ok {
		name, ok = strings.CutPrefix(header, "cloudEvents_")
	}
	outside := func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }
	return name, ok && name != "" && strings.IndexFunc(name, outside) < 0
}

// percentEncoded encodes value as in CloudEvents' HTTP binding: space, double quote,
// percent and everything except printable ASCII are percent-encoded as UTF-8 bytes.
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
