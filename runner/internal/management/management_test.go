package management_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/runner/internal/management"
	"github.com/warren-mq/warren/topology"
)

const password = "hunter2"

// plugin answers as RabbitMQ 3.10.8 did.
func plugin(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return s.URL
}

func client(t *testing.T, c management.Config) *management.Client {
	t.Helper()
	m, err := management.New(c, "/blue")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func TestQueuesAndBindingsAreRead(t *testing.T) {
	t.Parallel()
	address := plugin(t, func(w http.ResponseWriter, r *http.Request) {
		user, pass, _ := r.BasicAuth()
		switch {
		case user != "monitor" || pass != password:
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.EscapedPath() == "/api/queues/%2Fblue" && r.URL.Query().Get("columns") == "name,arguments":
			write(w, `[{"arguments":{"x-queue-type":"quorum","x-delivery-limit":20},"name":"mail"}]`)
		case r.URL.EscapedPath() == "/api/queues/%2Fblue/a%2Fb/bindings":
			write(w, `[{"source":"","vhost":"/blue","destination":"a/b","destination_type":"queue","routing_key":"a/b","arguments":{},"properties_key":"a%2Fb"},
				{"source":"events","vhost":"/blue","destination":"a/b","destination_type":"queue","routing_key":"k","arguments":{"n":5,"f":0.5},"properties_key":"k~"}]`)
		default:
			http.NotFound(w, r)
		}
	})
	own, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	own.User = url.UserPassword("monitor", password)
	for name, c := range map[string]management.Config{
		"as the broker's user": {URL: address, User: own.User},
		"as a user of its own": {URL: own.String() + "/", User: url.UserPassword("worker", "other")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := client(t, c)
			queues, err := m.Queues(t.Context())
			if want := []topology.Queue{{Name: "mail", Arguments: message.Headers{"x-queue-type": "quorum", "x-delivery-limit": int64(20)}}}; err != nil || !reflect.DeepEqual(queues, want) {
				t.Errorf("got %v and %v, want %v", queues, err, want)
			}
			bindings, err := m.Bindings(t.Context(), "a/b")
			if want := []topology.Binding{{Exchange: "events", Key: "k", Queue: "a/b", Arguments: message.Headers{"n": int64(5), "f": 0.5}}}; err != nil || !reflect.DeepEqual(bindings, want) {
				t.Errorf("got %v and %v, want %v", bindings, err, want)
			}
			if none, err := m.Bindings(t.Context(), "none"); err != nil || len(none) > 0 {
				t.Errorf("a queue that does not exist: got %v and %v, want none", none, err)
			}
		})
	}
}

func TestErrorsSayWhatIsWrongAndNoPassword(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"wrong credentials": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, "401 Unauthorized: want a user with the tag"},
		"another program":   {http.NotFound, "404: want the address of RabbitMQ's management plugin"},
		"a web page":        {func(w http.ResponseWriter, _ *http.Request) { write(w, "<html>") }, "is this RabbitMQ's management plugin?"},
		"a redirect":        {http.RedirectHandler("http://example.org/", http.StatusFound).ServeHTTP, "302 Found"},
		"a failure":         {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, "500"},
		"too much":          {func(w http.ResponseWriter, _ *http.Request) { endless(w) }, "want at most 32 MiB"},
		"a closed line":     {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := client(t, management.Config{URL: plugin(t, tt.answer), User: url.UserPassword("worker", password)})
			_, err := m.Queues(t.Context())
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), password) {
				t.Errorf("got %v, want %q and no password", err, tt.want)
			}
		})
	}
	if _, err := management.New(management.Config{URL: "http://u:" + password + "%zz@host/"}, "/"); err == nil || strings.Contains(err.Error(), password) {
		t.Errorf("got %v, want an error without a password", err)
	}
}

func write(w http.ResponseWriter, text string) {
	_, _ = io.WriteString(w, text) // a client that is gone has failed its test
}

// endless writes until the client has had enough.
func endless(w http.ResponseWriter) {
	chunk := make([]byte, 1<<20)
	for {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}
