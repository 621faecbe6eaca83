package wiring

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/job"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/runner/internal/config"
)

// Means are the dependencies of handlers.
type Means struct {
	Go        Go
	Sender    func(broker string) job.Sender          // of forward; "" is the queue's broker
	Publisher func(exchange string) *broker.Publisher // of emits
	Codecs    *Codecs
	Logger    *slog.Logger
}

// Handler returns the handler of h, which opens bodies by h.Codec and checks them by h.Schema. Close it after its last
// message was handled.
func Handler(h config.Handler, m Means) (job.Handler, error) {
	inner, err := unchecked(h, m)
	if err != nil {
		return nil, err
	}
	prepared, err := m.prepare(h, inner)
	if err != nil {
		return nil, errors.Join(err, inner.Close())
	}
	return prepared, nil
}

func unchecked(h config.Handler, m Means) (job.Handler, error) {
	emits, err := m.emits(h.Emits)
	if err != nil {
		return nil, err
	}
	switch h.Kind() {
	case "exec":
		e := exec(*h.Exec, m.Logger)
		e.Emits, e.Replies, e.Checkpoints = emits, replies(h.Replies), h.Checkpoints
		return e.Handler()
	case "persistent":
		p := persistent(*h.Persistent, m.Logger)
		p.Emits, p.Replies, p.Checkpoints = emits, replies(h.Replies), h.Checkpoints
		return p.Handler()
	case "webhook":
		w := webhook(*h.Webhook)
		w.Emits, w.Replies, w.Checkpoints = emits, replies(h.Replies), h.Checkpoints
		return w.Handler()
	case "log":
		return job.Log{Level: level(h.Log.Level), MaxBodyBytes: int(h.Log.MaxBodyBytes), Logger: m.Logger}.Handler()
	case "forward":
		return job.Forward{Exchange: h.Forward.Exchange, Key: h.Forward.Key, Sender: m.Sender(h.Forward.Broker)}.Handler()
	}
	return m.Go.handler(h.Go)
}

// BatchHandler returns the handler of h, which has batches. It opens and checks bodies as Handler does.
func BatchHandler(h config.Handler, m Means) (job.BatchHandler, error) {
	inner, err := uncheckedBatch(h, m)
	if err != nil {
		return nil, err
	}
	opens, err := m.openerOf(h)
	if err != nil {
		return nil, errors.Join(err, inner.Close())
	}
	return openedBatch{inner, opens}, nil
}

func uncheckedBatch(h config.Handler, m Means) (job.BatchHandler, error) {
	switch h.Kind() {
	case "exec":
		return exec(*h.Exec, m.Logger).BatchHandler()
	case "persistent":
		return persistent(*h.Persistent, m.Logger).BatchHandler()
	case "webhook":
		return webhook(*h.Webhook).BatchHandler()
	}
	return m.Go.batchHandler(h.Go)
}

// alike returns h, which calls inner. It replies to calls if inner does.
func alike(h job.Handler, inner handler.Handler) job.Handler {
	if of, replies := inner.(handler.Replying); replies {
		return replying{h, of}
	}
	return h
}

// replying is a handler that replies as another one does.
type replying struct {
	job.Handler

	of handler.Replying
}

// RepliesTo asks the other handler.
func (r replying) RepliesTo(queue string) bool { return r.of.RepliesTo(queue) }

// replies returns what a handler replies with, or nil if c is nil.
func replies(c *config.Replies) *job.Replies {
	if c == nil {
		return nil
	}
	return &job.Replies{ContentType: c.ContentType, MaxBytes: int(c.MaxBytes)}
}

func exec(e config.Exec, log *slog.Logger) job.Exec {
	codes := make(map[int]job.Verdict, len(e.ExitCodes))
	for code, v := range e.ExitCodes {
		codes[code] = job.Verdict(v)
	}
	return job.Exec{
		Command: texts(e.Command), Dir: e.Dir, Env: texts(e.Env), ExitCodes: codes,
		KillDelay: time.Duration(e.KillDelay), Logger: log,
	}
}

func persistent(p config.Persistent, log *slog.Logger) job.Exec {
	return job.Exec{
		Command: texts(p.Command), Dir: p.Dir, Env: texts(p.Env), KillDelay: time.Duration(p.KillDelay),
		Persistent: true, MaxAnswerBytes: int(p.MaxAnswerBytes), Backoff: p.Backoff.Policy(), Logger: log,
	}
}

func webhook(w config.Webhook) job.Webhook {
	headers := make([]job.Header, 0, len(w.Headers))
	for _, h := range w.Headers {
		headers = append(headers, job.Header{Name: h.Name, Value: h.Value.Secret})
	}
	return job.Webhook{
		URL: string(w.URL), Headers: headers, CloudEvents: w.CloudEvents, Source: w.Source, SigningKeys: secrets(w.SigningKeys),
		Timeout: time.Duration(w.Timeout), DialTimeout: time.Duration(w.DialTimeout), TLSTimeout: time.Duration(w.TLSTimeout),
		HeaderTimeout: time.Duration(w.HeaderTimeout), MaxRetryAfter: time.Duration(w.MaxRetryAfter),
		MaxConnections: w.MaxConnections, CAFile: w.CAFile, CertFile: w.CertFile, KeyFile: w.KeyFile, AllowPrivate: w.AllowPrivate,
	}
}

func texts[T ~string](list []T) []string {
	out := make([]string, 0, len(list))
	for _, text := range list {
		out = append(out, string(text))
	}
	return out
}

// level returns the level with a name from the schema.
func level(name string) slog.Level {
	var l slog.Level
	_ = l.UnmarshalText([]byte(name)) // the schema has checked the name
	return l
}

// Level returns the level of a log.
func Level(c config.Log) slog.Level { return level(c.Level) }

// Unused is a handler for a worker that is only used for its topology.
func unused(context.Context, *message.Message) error { return nil }

func secrets(list []config.Secret) []job.Secret {
	out := make([]job.Secret, 0, len(list))
	for _, s := range list {
		out = append(out, s.Secret)
	}
	return out
}
