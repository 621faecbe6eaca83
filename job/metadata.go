package job

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/message"
)

// field is a named property of a message, as text.
type field struct{ name, value string }

// metadata returns the properties of m that commands and servers get with its body and
// headers.
func metadata(m *message.Message) []field {
	return []field{
		{"message-id", m.ID},
		{"attempt", strconv.Itoa(m.Attempt)},
		{"queue", m.Queue},
		{"exchange", m.Exchange},
		{"routing-key", m.RoutingKey},
		{"content-type", m.ContentType},
		{"content-encoding", m.ContentEncoding},
		{"type", m.Type},
		{"correlation-id", m.CorrelationID},
		{"reply-to", m.ReplyTo},
		{"app-id", m.AppID},
		{"timestamp", timestamp(m)},
		{"priority", strconv.Itoa(int(m.Priority))},
		{"redelivered", strconv.FormatBool(m.Redelivered)},
	}
}

// timestamp returns the timestamp of m in RFC 3339, or "" if m has none.
func timestamp(m *message.Message) string {
	if m.Timestamp.IsZero() {
		return ""
	}
	return m.Timestamp.UTC().Format(time.RFC3339)
}

// traceNames are the headers of W3C Trace Context and Baggage.
var traceNames = []string{"traceparent", "tracestate", "baggage"}

// traceContext returns the trace of ctx. If ctx has none, it returns the trace in the
// headers of m.
func traceContext(ctx context.Context, m *message.Message) []field {
	h := make(message.Headers)
	telemetry.Propagator(nil).Inject(ctx, telemetry.Carrier(h))
	if len(h) == 0 {
		h = m.Headers
	}
	var found []field
	for _, name := range traceNames {
		if value := h.String(name); value != "" {
			found = append(found, field{name, value})
		}
	}
	return found
}

// userHeaders returns the headers of m that the user has set, sorted by name. It omits
// headers larger than maxOne bytes, and ends before the total exceeds maxAll bytes.
func userHeaders(m *message.Message, maxOne, maxAll int) []field {
	var found []field
	for _, name := range slices.Sorted(maps.Keys(m.Headers)) {
		text := headerText(m.Headers[name])
		if !isUserHeader(name) || len(text) > maxOne {
			continue
		}
		if maxAll -= len(name) + len(text); maxAll < 0 {
			break
		}
		found = append(found, field{name, text})
	}
	return found
}

// isUserHeader reports whether a header belongs neither to Warren nor to the trace.
func isUserHeader(name string) bool {
	return !record.IsOwn(name) && !slices.Contains(traceNames, name)
}

// headerText returns a header's value as text. Lists and tables are returned as JSON.
func headerText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case []byte:
		return string(v)
	case time.Time:
		return v.UTC().Format(time.RFC3339)
	}
	return string(headerJSON(v))
}

// headerJSON returns a header's value as JSON. Byte arrays become text.
func headerJSON(v any) json.RawMessage {
	if b, ok := v.([]byte); ok {
		v = string(b)
	}
	encoded, err := json.Marshal(v)
	if err != nil { // for example a float that is NaN
		return headerJSON(fmt.Sprint(v))
	}
	return encoded
}
