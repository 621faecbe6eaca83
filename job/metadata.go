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

// field is something about a message, as text.
type field struct{ name, value string }

// metadata is what commands and servers are told of m besides its body and headers.
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

// timestamp is that of m in RFC 3339, or "" if it has none.
func timestamp(m *message.Message) string {
	if m.Timestamp.IsZero() {
		return ""
	}
	return m.Timestamp.UTC().Format(time.RFC3339)
}

// traceNames are the headers of W3C Trace Context and Baggage.
var traceNames = []string{"traceparent", "tracestate", "baggage"}

// traceContext is the trace that ctx is in, or else the one that m came with.
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

// userHeaders are the headers of m that are not the framework's, sorted by name: those
// with a text of maxOne bytes at most, as long as all of them stay within maxAll.
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

// isUserHeader says that a header is neither of the framework nor of the trace.
func isUserHeader(name string) bool {
	return !record.IsOwn(name) && !slices.Contains(traceNames, name)
}

// headerText is a header's value as text; JSON where AMQP has lists and tables.
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

// headerJSON is a header's value as JSON; byte arrays count as text.
func headerJSON(v any) json.RawMessage {
	if b, ok := v.([]byte); ok {
		v = string(b)
	}
	encoded, err := json.Marshal(v)
	if err != nil { // such as of a float that is not a number
		return headerJSON(fmt.Sprint(v))
	}
	return encoded
}
