package job

import (
	"cmp"
	"log/slog"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/warren-mq/warren/internal/check"
	"github.com/warren-mq/warren/retry"
)

// Exec runs a command for each message, without a shell, in a process group of its
// own. The body is on its stdin; its environment is PATH, HOME, LANG and TZ, what Env
// says, and these:
//
//	WARREN_MESSAGE_ID  WARREN_ATTEMPT  WARREN_QUEUE  WARREN_EXCHANGE  WARREN_ROUTING_KEY
//	WARREN_CONTENT_TYPE  WARREN_CONTENT_ENCODING  WARREN_TYPE  WARREN_CORRELATION_ID
//	WARREN_REPLY_TO  WARREN_APP_ID  WARREN_TIMESTAMP (RFC 3339)  WARREN_PRIORITY
//	WARREN_REDELIVERED (true or false)  TRACEPARENT  TRACESTATE  BAGGAGE
//	WARREN_HEADER_X_TENANT for a header x-tenant, and so on
//
// Headers of more than 32 KiB, and those beyond 256 KiB in all, are left out.
//
// Its exit status decides: 0 is done, 65 (EX_DATAERR) and 78 (EX_CONFIG) make a dead
// letter, 75 (EX_TEMPFAIL) and every other, as well as a signal, are tried again. If
// its last line on stderr is "retry-after: 30s" (or seconds, or an HTTP date; a day at
// most) that is the pause. The end of stderr is the text of the failure; stdout is
// logged at level debug. However much it writes, only the end is kept.
//
// When the context is done, which is at the queue's timeout and when the grace of a
// stop is over, the group gets SIGTERM and, after KillDelay, SIGKILL. What is left of
// the group when the command has ended, however it did, is killed. A process that has
// left the group (setsid) lives on if the command ended by itself. If the command had to
// be ended, Linux finds it by WARREN_RUN in its environment, and it is killed as well. On
// Linux the command is also killed when this process dies.
type Exec struct {
	// Command is the program and its arguments. A program without a slash is looked
	// for in this process's PATH, a relative one starting from Dir.
	Command []string
	// Dir is the working directory; this process's if empty.
	Dir string
	// Env adds to the environment: NAME=value, or NAME to pass on this process's
	// variable if there is one. Later ones win.
	Env []string
	// ExitCodes says what exit statuses 0 to 255 mean, where it is not as above.
	ExitCodes map[int]Verdict
	// KillDelay is the time from SIGTERM to SIGKILL; 5s if zero, none if negative.
	KillDelay time.Duration

	// Persistent keeps processes for more than one message, one for each message in
	// hand, and talks to them in lines of JSON: see the package's documentation.
	//
	// A process is started when it is first needed. It is ended as above if the context
	// is done before it answers, and if the answer makes no sense; a new one is started
	// for the next message. Its stderr is logged line by line at level info, and the end
	// of it is the text of the failure if the process ends without an answer. Close
	// closes its stdin; SIGTERM and SIGKILL follow, each after KillDelay.
	Persistent bool
	// MaxAnswerBytes bounds the line of an answer; 64 KiB if zero. Persistent only.
	MaxAnswerBytes int
	// Backoff spaces the starts after a process has not started, has ended without an
	// answer or has answered nonsense: 200ms, doubling up to 30s until there is a good
	// answer, where its fields are zero. Its MaxAttempts is not used. Persistent only.
	Backoff retry.Policy

	// Logger takes the output; slog.Default() if nil.
	Logger *slog.Logger
}

// Validate reports everything that is wrong with e, in one error. It does not look for
// the command: a handler is made, and says at each message that it cannot start it.
func (e Exec) Validate() error {
	f := check.Of("job")
	f.Addf(len(e.Command) == 0 || e.Command[0] == "", "Command is empty, want a program and its arguments")
	f.Addf(strings.Contains(strings.Join(e.Command, ""), "\x00"), "Command has a NUL character")
	f.Addf(strings.Contains(e.Dir, "\x00"), "Dir has a NUL character")
	for i, entry := range e.Env {
		name, value, _ := strings.Cut(entry, "=")
		f.Addf(!isEnvName(name), "Env[%d] is named %q, want NAME or NAME=value", i, name)
		f.Addf(strings.HasPrefix(name, "WARREN_"), "Env[%d] is named %s: those are set for each message", i, name)
		f.Addf(strings.Contains(value, "\x00"), "Env[%d], %s, has a NUL character", i, name)
	}
	for _, code := range slices.Sorted(maps.Keys(e.ExitCodes)) {
		f.Addf(code < 0 || code > 255, "ExitCodes has %d, want 0 to 255", code)
		f.Addf(!e.ExitCodes[code].known(), "ExitCodes[%d] is %q, want ack, retry, dead-letter or discard", code, e.ExitCodes[code])
	}
	f.Addf(e.Persistent && len(e.ExitCodes) > 0, "ExitCodes has no meaning with Persistent: the answers decide")
	f.Addf(e.MaxAnswerBytes < 0, "MaxAnswerBytes is %d, want 0 or more", e.MaxAnswerBytes)
	f.Addf(!e.Persistent && e.MaxAnswerBytes != 0, "MaxAnswerBytes has no meaning without Persistent")
	err := e.withDefaults().Backoff.Validate()
	f.Addf(err != nil, "Backoff: %w", err)
	return f.Err()
}

// Handler returns the handler of e, or what Validate says.
func (e Exec) Handler() (Handler, error) {
	if err := e.Validate(); err != nil {
		return nil, err
	}
	e = e.withDefaults()
	if e.Persistent {
		return newPool(e), nil
	}
	return stateless{e.run}, nil
}

func (e Exec) withDefaults() Exec {
	e.KillDelay = cmp.Or(e.KillDelay, 5*time.Second)
	e.MaxAnswerBytes = cmp.Or(e.MaxAnswerBytes, 64<<10)
	e.Backoff.InitialInterval = cmp.Or(e.Backoff.InitialInterval, 200*time.Millisecond)
	e.Backoff.MaxInterval = cmp.Or(e.Backoff.MaxInterval, 30*time.Second)
	e.Backoff = e.Backoff.WithDefaults()
	if e.Logger == nil {
		e.Logger = slog.Default()
	}
	return e
}

// program is the command, yet to be started.
func (e Exec) program() *exec.Cmd {
	cmd := exec.Command(e.Command[0], e.Command[1:]...) // ended by its group, not by a context
	cmd.Dir = e.Dir
	cmd.Env = e.environment()
	return cmd
}
