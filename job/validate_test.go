package job_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/job"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

type config interface {
	Validate() error
	Handler() (job.Handler, error)
}

type sendFunc func(ctx context.Context, exchange, key string, m *message.Message) error

func (f sendFunc) Send(ctx context.Context, exchange, key string, m *message.Message) error {
	return f(ctx, exchange, key, m)
}

var nowhere = sendFunc(func(context.Context, string, string, *message.Message) error { return nil })

func TestValidateReportsEveryFaultAtOnce(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 256)
	tests := map[string]struct {
		config config
		want   []string
	}{
		"an empty Exec":    {job.Exec{}, []string{"job: Command is empty, want a program and its arguments"}},
		"an empty Webhook": {job.Webhook{}, []string{`job: URL has the scheme "", want http or https`, "job: URL has no host, want one"}},
		"an empty Forward": {job.Forward{}, []string{"job: Exchange and Key are empty, want one of them", "job: Sender is nil, want a Sender"}},
		"an empty Log":     {job.Log{}, nil},
		"an Exec with all faults": {job.Exec{
			Command: []string{"a\x00"}, Dir: "\x00", Env: []string{"A-B=1", "WARREN_X=1", "OK=\x00"},
			ExitCodes: map[int]job.Verdict{256: job.Ack, 3: "maybe"}, MaxAnswerBytes: -1, Backoff: retry.Policy{Multiplier: 0.5},
		}, []string{
			"job: Command has a NUL character", "job: Dir has a NUL character", `job: Env[0] is named "A-B", want NAME or NAME=value`,
			"job: Env[1] is named WARREN_X, want no WARREN_ prefix: these variables are set for each message", "job: Env[2], OK, has a NUL character",
			`job: ExitCodes[3] is "maybe", want ack, retry, dead-letter or discard`, "job: ExitCodes has 256, want 0 to 255",
			"job: MaxAnswerBytes is -1, want 0 or more", "job: MaxAnswerBytes is set, want 0 without Persistent",
			"job: Backoff: retry: multiplier is 0.5, want 1 or more",
		}},
		"a persistent Exec with exit codes": {
			job.Exec{Command: []string{"a"}, Persistent: true, ExitCodes: map[int]job.Verdict{1: job.Ack}},
			[]string{"job: ExitCodes is set, want none with Persistent: the answers decide"},
		},
		"a Webhook with all faults": {job.Webhook{
			URL: "http://alice:hunter2@example.com", Source: "x", Timeout: -1, DialTimeout: -1, TLSTimeout: -1, HeaderTimeout: -1, MaxRetryAfter: -1,
			Headers: []job.Header{{Name: "a b"}, {Name: "host"}, {Name: "X-A", Value: job.NewSecret("hunter2\r\nX-B: 1")}, {Name: "x-a"}}, MaxConnections: -1,
			SigningKeys: []job.Secret{job.NewSecret("whsec_hunter2"), job.NewSecret("hunter2"), {}}, CAFile: "ca", CertFile: "cert",
		}, []string{
			"job: URL has a user, want it in an Authorization header in Headers", "job: URL is http, want https with CAFile, CertFile and KeyFile",
			`job: Headers[0] is named "a b", want a header's name`, "job: Headers[1] is host, want a header that net/http does not set itself",
			"job: Headers[2], X-A: the value contains control characters or begins or ends with a space, want neither",
			"job: Headers[3] is x-a, want each header once", "job: SigningKeys[0]: not base64 after whsec_",
			"job: SigningKeys[1]: 7 bytes, want 16 or more", "job: SigningKeys[2]: 0 bytes, want 16 or more", "job: Timeout is -1ns, want 0 or more",
			"job: DialTimeout is -1ns, want 0 or more", "job: TLSTimeout is -1ns, want 0 or more", "job: HeaderTimeout is -1ns, want 0 or more",
			"job: MaxRetryAfter is -1ns, want 0 or more", "job: MaxConnections is -1, want 0 or more",
			`job: CertFile is "cert" and KeyFile is "", want both or neither`, "job: Source is set, want none without CloudEvents",
		}},
		"a Webhook with a URL that is none": {job.Webhook{URL: "https://hunter2:\x00"}, []string{"job: URL cannot be parsed, want a URL such as https://example.com/hooks"}},
		"a Forward with all faults": {
			job.Forward{Exchange: long, Key: long, Sender: nowhere},
			[]string{"job: Exchange has 256 bytes, want 255 at most", "job: Key has 256 bytes, want 255 at most"},
		},
		"an Exec with everything": {job.Exec{
			Command: []string{"a"}, Env: []string{"A", "B=1=2"}, ExitCodes: map[int]job.Verdict{0: job.Ack, 255: job.Discard}, KillDelay: -1,
		}, nil},
		"a Webhook with everything": {job.Webhook{
			URL: "https://example.com/a?b", Headers: []job.Header{{Name: "Authorization", Value: job.NewSecret("Bearer x")}}, CloudEvents: true, Source: "x",
			SigningKeys: []job.Secret{job.NewSecret("whsec_MDEyMzQ1Njc4OWFiY2RlZg==")}, Timeout: time.Second,
		}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tt.config.Validate()
			if got, want := text(err), strings.Join(tt.want, "\n"); got != want {
				t.Errorf("got\n%s, want\n%s", got, want)
			}
			if strings.Contains(text(err), "hunter2") {
				t.Errorf("%q has a secret in it", err)
			}
			h, made := tt.config.Handler()
			if text(made) != text(err) || (h == nil) != (err != nil) {
				t.Errorf("Handler gives %v, %v, want what Validate says", h, made)
			}
			if h != nil {
				if err := h.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
