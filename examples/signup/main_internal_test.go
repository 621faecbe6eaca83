package main

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/warren-mq/warren/examples/signup/internal/brokertest"
	"github.com/warren-mq/warren/internal/rabbit"
)

// childVariable makes the test binary run the program itself, so that a test can kill it.
const childVariable = "SIGNUP_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// prefix returns a prefix for queue names that no other test uses. The test's cleanup
// deletes the queues.
func prefix(t *testing.T) string {
	t.Helper()
	p := rabbit.Queue(t) + "."
	ch := rabbit.Channel(t, rabbit.URL(t))
	t.Cleanup(func() { brokertest.Remove(t, ch, p) })
	return p
}

func TestTheSelfTestPrintsItsSteps(t *testing.T) {
	data := t.TempDir() // shared, so that the second run finds the accounts of the first
	for name, o := range map[string]options{
		"on an embedded broker":      {},
		"on the broker of the tests": {broker: rabbit.URL(t), prefix: "set"},
	} {
		t.Run(name, func(t *testing.T) {
			if o.prefix != "" {
				o.prefix = prefix(t)
			}
			o.selfTest, o.role, o.addr, o.data = true, all, "127.0.0.1:0", data
			var out bytes.Buffer
			start := time.Now()
			if err := run(t.Context(), o, &out, io.Discard); err != nil {
				t.Fatalf("%v\n%s", err, &out)
			}
			t.Logf("\n%s", &out)
			if says := strings.HasPrefix(out.String(), "Broker: in memory, in this process"); says != (o.broker == "") {
				t.Errorf("the first line names the broker in memory: %v, want %v", says, o.broker == "")
			}
			for _, want := range []string{
				"fan-out: the answer took", "verification link works", "takes 2s", "both mails are dead letters",
				"replayed: both mails arrived", "dead letter at the first attempt", "120 mails for 120", "the password reset was mail", "drained",
			} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("the output lacks %q", want)
				}
			}
			if took := time.Since(start); took > time.Minute {
				t.Errorf("took %v, want at most a minute", took)
			}
		})
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	env := map[string]string{"AMQP_URL": "amqp://b/", "SMTP_URL": "smtp://m", "SIGNUP_SECRET": "s", "DATABASE_URL": "postgres://d"}
	with := func(name, value string) map[string]string {
		changed := maps.Clone(env)
		changed[name] = value
		return changed
	}
	for name, tt := range map[string]struct {
		args string
		env  map[string]string
		want options // a prefix of "?" is a random one
		says string  // an error with this
	}{
		"a person finds the usual port":       {"", nil, options{role: all, addr: "127.0.0.1:8080"}, ""},
		"embedded is a broker that listens":   {"", map[string]string{"AMQP_URL": "embedded:"}, options{role: all, addr: "127.0.0.1:8080"}, ""},
		"a self-test has its own prefix":      {"-self-test", nil, options{role: all, addr: "127.0.0.1:0", prefix: "?", selfTest: true}, ""},
		"a self-test goes where it is told":   {"-self-test -addr :7 -prefix x.", nil, options{role: all, addr: ":7", prefix: "x.", selfTest: true}, ""},
		"a role has what the others have":     {"-role welcome -data d", env, options{role: "welcome", addr: "127.0.0.1:8080", data: "d", broker: "amqp://b/", smtp: "smtp://m", secret: "s", database: "postgres://d"}, ""},
		"a role without what the others have": {"-role welcome", nil, options{}, "needs SIGNUP_SECRET"},
		"a role that is none":                 {"-role x", nil, options{}, `-role is "x", want one of service, relay, welcome, verification, analytics, billing, all` + "\n"},
		"a role on an embedded broker":        {"-role welcome -data d", with("AMQP_URL", "embedded:3.10"), options{}, `needs AMQP_URL, the URL of a RabbitMQ that all processes share`},
		"a database of another kind":          {"", with("DATABASE_URL", "mysql://user:secret@d"), options{}, "DATABASE_URL must begin with postgres://"},
		"a site that is none":                 {"-role welcome -data d -site example.com", env, options{}, `-site is "example.com", want http`},
		"a site with a slash at its end":      {"-role welcome -data d -site https://a.test/", env, options{role: "welcome", addr: "127.0.0.1:8080", data: "d", site: "https://a.test", broker: "amqp://b/", smtp: "smtp://m", secret: "s", database: "postgres://d"}, ""},
		"a site of the demo":                  {"-site http://a.test", nil, options{}, "-site is for the other roles"},
		"a self-test with a real mail server": {"-self-test", with("SMTP_URL", "smtp://m"), options{}, "-self-test reads the mails from its own mail server: unset SMTP_URL"},
		"a self-test of one role":             {"-role welcome -self-test -data d", env, options{}, "-self-test is for -role all"},
		"an argument":                         {"x", nil, options{}, "want flags only"},
		"a flag that is none":                 {"-bogus", nil, options{}, "not defined: -bogus"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stderr bytes.Buffer
			got, err := parse(strings.Fields(tt.args), func(name string) string { return tt.env[name] }, &stderr)
			if tt.says != "" {
				if err == nil || !strings.Contains(stderr.String(), tt.says) || strings.Contains(stderr.String(), "secret") {
					t.Errorf("got %v, and %q; want %q", err, &stderr, tt.says)
				}
				return
			}
			if tt.want.prefix == "?" && strings.HasPrefix(got.prefix, "selftest-") {
				got.prefix = "?"
			}
			if err != nil || got != tt.want {
				t.Errorf("got %+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
	if _, err := parse([]string{"-h"}, func(string) string { return "" }, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-h gives %v, want %v", err, flag.ErrHelp)
	}
}

func TestAnErrorIsOneLine(t *testing.T) {
	t.Parallel()
	away := errors.New("x: cannot connect:\n\ta: refused\n\tb: refused")
	if got, want := oneLine(errors.Join(away, errors.New("y"), errors.New("y"))), "x: cannot connect: a: refused; b: refused; y"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWhatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		o    options
		says []string
	}{
		"an address that is none": {options{role: all, addr: "127.0.0.1:none"}, []string{"listen"}},
		"a mail server that is none": {
			options{role: "welcome", addr: "127.0.0.1:0", smtp: "http://user:secret@m", broker: "amqp://127.0.0.1:1/"}, []string{"mail: invalid URL of the server"},
		},
		"no broker there for a self-test": {
			options{role: all, selfTest: true, addr: "127.0.0.1:0", broker: "amqp://user:secret@127.0.0.1:1/"}, []string{"127.0.0.1:1", "refused"},
		},
		"no database there": {
			options{role: all, addr: "127.0.0.1:0", database: "postgres://user:secret@127.0.0.1:1/x"}, []string{"database:", "127.0.0.1:1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			err := run(t.Context(), tt.o, &out, &out)
			if err == nil || slices.ContainsFunc(tt.says, func(s string) bool { return !strings.Contains(err.Error(), s) }) {
				t.Fatalf("got %v, want %q", err, tt.says)
			}
			if strings.Contains(err.Error()+out.String(), "secret") {
				t.Errorf("the password is shown: %v %s", err, &out)
			}
		})
	}
}
