package devbroker_test

import (
	"errors"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/devbroker"
)

func TestLogin(t *testing.T) {
	t.Parallel()
	users := []devbroker.User{{Name: "a", Password: "secret"}, {Name: "b:@/%", Password: "p:@/%ü"}, {Name: "empty"}}
	plain := func(name, password string) amqp.Authentication {
		return &amqp.PlainAuth{Username: name, Password: password}
	}
	amqplain := func(name, password string) amqp.Authentication {
		return &amqp.AMQPlainAuth{Username: name, Password: password}
	}
	for name, tt := range map[string]struct {
		users []devbroker.User
		sasl  amqp.Authentication
		want  error
	}{
		"guest, where no user is named":              {nil, plain("guest", "guest"), nil},
		"guest by AMQPLAIN":                          {nil, amqplain("guest", "guest"), nil},
		"guest with a wrong password":                {nil, plain("guest", "Guest"), amqp.ErrCredentials},
		"guest with a wrong password by AMQPLAIN":    {nil, amqplain("guest", ""), amqp.ErrCredentials},
		"guest, where others are named":              {users, plain("guest", "guest"), amqp.ErrCredentials},
		"a user who is named":                        {users, plain("a", "secret"), nil},
		"a user with a wrong password":               {users, plain("a", "secre"), amqp.ErrCredentials},
		"a user with the password of another":        {users, plain("a", "p:@/%ü"), amqp.ErrCredentials},
		"a user without a password":                  {users, plain("empty", ""), amqp.ErrCredentials},
		"a user with signs in the name, by PLAIN":    {users, plain("b:@/%", "p:@/%ü"), nil},
		"a user with signs in the name, by AMQPLAIN": {users, amqplain("b:@/%", "p:@/%ü"), nil},
		"nobody":                                      {users, plain("", ""), amqp.ErrCredentials},
		"without a password, where guest is not":      {users, anonymous{}, amqp.ErrCredentials},
		"without a password, as guest":                {nil, anonymous{}, nil},
		"by certificate, where there is no TLS":       {nil, &amqp.ExternalAuth{}, amqp.ErrSASL},
		"with a response that has no two parts":       {nil, response{"PLAIN", "guest"}, amqp.ErrCredentials},
		"with a response that is no table":            {nil, response{"AMQPLAIN", "guest"}, amqp.ErrCredentials},
		"with a table that has no password, AMQPLAIN": {nil, response{"AMQPLAIN", "\x05LOGINS\x00\x00\x00\x05guest"}, amqp.ErrCredentials},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, devbroker.Config{Users: tt.users}, func(t *testing.T, b *devbroker.Broker) {
				cfg := amqp.Config{Dial: b.Dial, Heartbeat: time.Nanosecond, SASL: []amqp.Authentication{tt.sasl}}
				conn, err := amqp.DialConfig(b.URL(), cfg)
				if !errors.Is(err, tt.want) {
					t.Errorf("got %v, want %v", err, tt.want)
				}
				if err == nil {
					open(t, conn)
				}
			})
		})
	}
}

// response is what a client says in its own way.
type response struct{ mechanism, text string }

func (r response) Mechanism() string { return r.mechanism }

func (r response) Response() string { return r.text }

type anonymous struct{}

func (anonymous) Mechanism() string { return "ANONYMOUS" }

func (anonymous) Response() string { return "" }

// TestURL makes sure that clients get in by the URL, whatever signs it has to hide.
func TestURL(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"/", "//", "a", "a/b", "/a", "50%", "%2F", "ü", "with space", "a?b#c", "a:b@c", "+"} {
		for _, start := range []func(*testing.T, devbroker.Config) *devbroker.Broker{pipe, listen} {
			b := start(t, devbroker.Config{
				Users: []devbroker.User{{Name: name, Password: name + name}}, VHosts: []string{name, "other"},
			})
			conn, err := dial(b, b.URL())
			if err != nil {
				t.Errorf("%q at %s: %v", name, b.URL(), err)
				continue
			}
			open(t, conn).declare("q", nil)
			check(t, "virtual host", queue(b, "q").VHost, name)
		}
	}
}

func TestVirtualHostsAreWorldsOfTheirOwn(t *testing.T) {
	t.Parallel()
	b := pipe(t, devbroker.Config{VHosts: []string{"a", "b"}})
	enter := func(vhost string) *client {
		conn, err := dial(b, "amqp://guest:guest@devbroker.invalid/"+vhost)
		if err != nil {
			t.Fatal(err)
		}
		return open(t, conn)
	}
	here, there := enter("a"), enter("b")
	here.declare("q", amqp.Table{"x-max-length": 1})
	there.declare("q", amqp.Table{"x-max-length": 2})
	here.must(here.ExchangeDeclare("x", "fanout", true, false, false, false, nil))
	here.put("q", "hello")
	check(t, "messages here", len(b.Messages("a", "q")), 1)
	check(t, "messages there", len(b.Messages("b", "q")), 0)
	check(t, "messages nowhere", len(b.Messages("/", "q")), 0)
	err := there.ExchangeDeclarePassive("x", "fanout", true, false, false, false, nil)
	check(t, "the exchange of the other", text(err), "NOT_FOUND - no exchange 'x' in vhost 'b'")
	_, err = dial(b, "amqp://guest:guest@devbroker.invalid/")
	check(t, "a virtual host that is not", text(err), "NOT_ALLOWED - vhost / not found")
}
