package record

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"

	"go.opentelemetry.io/otel/trace"

	"github.com/warren-mq/warren/internal/telemetry"
)

// Fingerprint is the same for failures of one kind: one queue, one type of error,
// and one text but for its numbers, ids and quoted parts.
func Fingerprint(queue string, err error) string {
	text := Clip(err.Error(), MaxErrorText)
	sum := sha256.Sum256([]byte(queue + "\x00" + telemetry.ErrorType(err) + "\x00" + variable.ReplaceAllString(text, "?")))
	return hex.EncodeToString(sum[:8])
}

// variable parts: quoted text, UUIDs, long hexadecimal words, numbers.
var variable = regexp.MustCompile(`"[^"]*"|'[^']*'|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|0x[0-9a-fA-F]+|\b[0-9a-fA-F]{16,}\b|[0-9]+`)

// traceparent is sc in the form of W3C Trace Context, version 00.
func traceparent(sc trace.SpanContext) string {
	return "00-" + sc.TraceID().String() + "-" + sc.SpanID().String() + "-" + sc.TraceFlags().String()
}
