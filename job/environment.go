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

// runVariable is an environment variable whose value is unique for each started process.
// It identifies the processes that such a process has started.
const runVariable = "WARREN_RUN"

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func isEnvName(s string) bool { return envName.MatchString(s) }

// environment returns the variables that are equal for every message.
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

// variables returns the variables that describe m.
func variables(ctx context.Context, m *message.Message) []string {
	var env []string
	set := func(name, value string) {
		// A publisher may send a NUL, which would prevent the command from starting.
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

// variableName returns s in upper case, with _ in place of everything except ASCII letters
// and digits.
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
