package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

const environPrefix = "WARREN_"

// messageVariables are the variables that job.Exec sets for the command of a message. The
// command may be the runner itself.
var messageVariables = []string{
	"APP_ID", "ATTEMPT", "CONTENT_ENCODING", "CONTENT_TYPE", "CORRELATION_ID", "EXCHANGE", "MESSAGE_ID", "PRIORITY", "QUEUE",
	"REDELIVERED", "REPLY_TO", "ROUTING_KEY", "RUN", "TIMESTAMP", "TYPE",
}

// unknownVariables returns a warning for each WARREN_… variable without a setting. It is
// not an error, because Kubernetes sets such variables for a service named warren.
func unknownVariables(environ []string) []string {
	known := make(map[string]bool)
	for path := range settings() {
		known[EnvName(path)] = true
	}
	names := slices.Sorted(maps.Keys(known))
	warnings := make([]string, 0, 1)
	for _, entry := range slices.Sorted(slices.Values(environ)) {
		name, _, _ := strings.Cut(entry, "=")
		rest, ok := strings.CutPrefix(name, environPrefix)
		switch {
		case !ok, known[name], slices.Contains(messageVariables, rest), strings.HasPrefix(rest, "HEADER_"):
			continue
		}
		warnings = append(warnings, fmt.Sprintf("the variable %s is ignored: there is no such setting%s", name, Meant(name, names)))
	}
	return warnings
}
