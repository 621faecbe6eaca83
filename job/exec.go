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

// Exec runs a command for each message, without a shell, in a process group of its own.
// The command reads the body from its stdin. Its environment contains PATH, HOME, LANG and
// TZ, the variables in Env, and these:
//
//	WARREN_MESSAGE_ID  WARREN_ATTEMPT  WARREN_QUEUE  WARREN_EXCHANGE  WARREN_ROUTING_KEY
//	WARREN_CONTENT_TYPE  WARREN_CONTENT_ENCODING  WARREN_TYPE  WARREN_CORRELATION_ID
//	WARREN_REPLY_TO  WARREN_APP_ID  WARREN_TIMESTAMP (RFC 3339)  WARREN_PRIORITY
//	WARREN_REDELIVERED (true or false)  TRACEPARENT  TRACESTATE  BAGGAGE
//	WARREN_HEADER_X_TENANT for a header x-tenant, and so on
//
// Headers larger than 32 KiB are omitted, and so are headers beyond 256 KiB in total.
//
// The exit status decides about the message. 0 acknowledges it. 65 (EX_DATAERR) and 78
// (EX_CONFIG) dead-letter it. After 75 (EX_TEMPFAIL), every other status, or a signal, it
// is tried again. If the last line on stderr is "retry-after: 30s" (or seconds, or an HTTP
// date), the retry waits that long, a day at most. The end of stderr becomes the text of
// the failure. Stdout is logged at level debug. Only the end of long output is kept. If the status
// acknowledges, each line on stdout is a message to emit with Emits, and stdout is the reply of a
// call with Replies.
//
// With Checkpoints, WARREN_CHECKPOINT contains the last checkpoint of the message, or is empty. The
// command saves one by a line of JSON on the file descriptor WARREN_CHECKPOINT_FD, which may also
// say which part of the work is done, from 0 to 1:
//
//	{"checkpoint":{"row":7000},"progress":0.35}
//
// The next attempt gets the last one: see package checkpoint. A checkpoint has at most 8 KiB as JSON.
// After another line the command is stopped, and the message is tried again. When the worker
// begins to stop, the command gets SIGTERM. If it then fails so that the message would be tried
// again, the message is released with its checkpoint, and no attempt is spent.
//
// The context is done when the queue's timeout is over, or the grace period of a stop.
// Then the process group gets SIGTERM and, after KillDelay, SIGKILL. A command that exits with a
// status that acknowledges or discards after this SIGTERM may have left its work undone. The message is
// tried again after a timeout, and released at a stop. Once the command has
// ended, for any reason, all other processes of the group are killed. A process that has
// left the group (setsid) continues if the command ended by itself. If the command was
// stopped, Warren finds such a process on Linux by WARREN_RUN in its environment, and
// kills it. On Linux the command is also killed when this process dies.
type Exec struct {
	// Command is the program and its arguments. A program without a slash is searched in
	// this process's PATH. A relative path starts at Dir.
	Command []string
	// Dir is the working directory. Empty means this process's working directory.
	Dir string
	// Env adds variables to the environment: NAME=value, or NAME to pass on this
	// process's variable, if it is set. Later entries override earlier ones.
	Env []string
	// ExitCodes overrides the meaning of exit statuses, 0 to 255.
	ExitCodes map[int]Verdict
	// KillDelay is the time from SIGTERM to SIGKILL. Zero means 5 s. A negative value
	// means no delay. While the worker stops, a command that handles a message gets 4 s at
	// most, because the worker waits 5 s for its handlers after the grace period.
	KillDelay time.Duration

	// Persistent runs processes that handle many messages, one process for each message
	// handled at the same time. They read and write lines of JSON: see the package's
	// documentation.
	//
	// A process is started when it is first needed. It is stopped as described above if
	// the context is done before it answers, or if its answer is invalid. A new one is
	// started for the next message. Its stderr is logged line by line at level info. If
	// the process ends without an answer, the end of stderr becomes the text of the
	// failure. Close closes stdin; SIGTERM and SIGKILL follow, each after KillDelay.
	Persistent bool
	// MaxAnswerBytes is the longest answer, in bytes. Zero means 64 KiB. For Persistent
	// only.
	MaxAnswerBytes int
	// Backoff is the pause before the next start after a process has failed to start, has
	// ended without an answer or has given an invalid one. It starts at 200 ms and doubles
	// up to 30 s if its fields are zero. A valid answer resets it. MaxAttempts is ignored.
	// For Persistent only.
	Backoff retry.Policy

	// Emits has the command emit messages. Nil means that it emits none.
	Emits *Emits
	// Replies has the command reply to calls. Nil means that it replies to none. Without
	// Persistent, only one of Emits and Replies can be set.
	Replies *Replies

	// Checkpoints has the command save checkpoints, from which the next attempt of the message
	// continues.
	Checkpoints bool

	// Logger logs the output. Nil means slog.Default().
	Logger *slog.Logger
}

// Validate returns all faults of e in one error. It does not check whether the command
// exists: a missing command is an error of each message.
func (e Exec) Validate() error {
	f := check.Of("job")
	f.Addf(len(e.Command) == 0 || e.Command[0] == "", "Command is empty, want a program and its arguments")
	f.Addf(strings.Contains(strings.Join(e.Command, ""), "\x00"), "Command has a NUL character")
	f.Addf(strings.Contains(e.Dir, "\x00"), "Dir has a NUL character")
	for i, entry := range e.Env {
		name, value, _ := strings.Cut(entry, "=")
		f.Addf(!isEnvName(name), "Env[%d] is named %q, want NAME or NAME=value", i, name)
		f.Addf(strings.HasPrefix(name, "WARREN_"), "Env[%d] is named %s, want no WARREN_ prefix: these variables are set for each message", i, name)
		f.Addf(strings.Contains(value, "\x00"), "Env[%d], %s, has a NUL character", i, name)
	}
	for _, code := range slices.Sorted(maps.Keys(e.ExitCodes)) {
		f.Addf(code < 0 || code > 255, "ExitCodes has %d, want 0 to 255", code)
		f.Addf(!e.ExitCodes[code].known(), "ExitCodes[%d] is %q, want ack, retry, dead-letter or discard", code, e.ExitCodes[code])
	}
	f.Addf(e.Persistent && len(e.ExitCodes) > 0, "ExitCodes is set, want none with Persistent: the answers decide")
	f.Addf(e.MaxAnswerBytes < 0, "MaxAnswerBytes is %d, want 0 or more", e.MaxAnswerBytes)
	f.Addf(!e.Persistent && e.MaxAnswerBytes != 0, "MaxAnswerBytes is set, want 0 without Persistent")
	e.Emits.validate(f)
	f.Addf(e.Persistent && e.Emits != nil && e.Emits.MaxBytes != 0, "Emits.MaxBytes is set, want 0 with Persistent: MaxAnswerBytes is the limit")
	e.Replies.validate(f, e.Persistent)
	f.Addf(e.Persistent && e.Replies != nil && e.Replies.MaxBytes != 0, "Replies.MaxBytes is set, want 0 with Persistent: MaxAnswerBytes is the limit")
	f.Addf(!e.Persistent && e.Emits != nil && e.Replies != nil, "Emits and Replies are set, want one of them: both use stdout")
	err := e.withDefaults().Backoff.Validate()
	f.Addf(err != nil, "Backoff: %w", err)
	return f.Err()
}

// Handler returns the handler of e, or the error of Validate.
func (e Exec) Handler() (Handler, error) {
	if err := e.Validate(); err != nil {
		return nil, err
	}
	e = e.withDefaults()
	if e.Persistent {
		p := newPool(e)
		return handlerOf(p.respond, p, e.Replies), nil
	}
	return handlerOf(e.run, nothing{}, e.Replies), nil
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

// program returns the command, not yet started.
func (e Exec) program() *exec.Cmd {
	cmd := exec.Command(e.Command[0], e.Command[1:]...) // without a context, because stop signals the whole group
	cmd.Dir = e.Dir
	cmd.Env = e.environment()
	return cmd
}
