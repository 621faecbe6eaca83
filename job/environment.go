package job

import (
	"context"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/warren-mq/warren/message"
)

// Limits of headers in the environment, in bytes. Linux refuses to start a command with
// a variable of 128 KiB.
const (
	maxVariable  = 32 << 10
	maxVariables = 256 << 10
)

// runVariable is different for each process that is started. What such a process has
// started in turn is known by it.
const runVariable = "WARREN_RUN"

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func isEnvName(s string) bool { return envName.MatchString(s) }

// environment is what every message's command gets.
func (e Exec) environment() []string {
	var env []string
	for _, entry := range slices.Concat([]string{"PATH", "HOME", "LANG", "TZ"}, e.Env) {
		if strings.Contains(entry, "=") {
			env = append(env, entry)
		} else if value, ok := os.LookupEnv(entry); ok {
			env = append(env, entry+"="+value)
		}
	}
	return env
}

// variables are what the command is told of m.
func variables(ctx context.Context, m *message.Message) []string {
	var env []string
	set := func(name, value string) {
		// A NUL is the publisher's, and would keep the command from starting.
		env = append(env, name+"="+strings.ReplaceAll(value, "\x00", ""))
	}
	taken := make(map[string]bool)
	for _, h := range userHeaders(m, maxVariable, maxVariables) {
		if name := "WARREN_HEADER_" + variableName(h.name); !taken[name] {
			taken[name] = true
			set(name, h.value)
		}
	}
	for _, f := range metadata(m) {
		set("WARREN_"+variableName(f.name), f.value)
	}
	for _, f := range traceContext(ctx, m) {
		set(variableName(f.name), f.value)
	}
	return env
}

// variableName is s in capitals, with _ for all but ASCII letters and digits.
func variableName(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		case 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			return r
		}
		return '_'
	}, s)
}
