package live_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/warren-mq/warren/examples/signup/internal/live"
)

// TestForeignHostsAreMisdirected checks that requests with a foreign host name get 421.
func TestForeignHostsAreMisdirected(t *testing.T) {
	t.Parallel()
	h := live.Hosts(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), "https://signup.example.com/base")
	for host, want := range map[string]int{
		"127.0.0.1:8080": 200, "127.0.0.1": 200, "[::1]:8080": 200, "[::1]": 200, "192.0.2.7:8080": 200,
		"localhost:8080": 200, "LOCALHOST": 200, "app.localhost:80": 200, "signup.example.com": 200, "Signup.Example.com:443": 200, "signup.example.com.": 200,
		"evil.example.com": 421, "signup.example.com.evil.com": 421, "localhost.evil.com:8080": 421, "": 421, "127.0.0.1.nip.io": 421, "evil-signup.example.com": 421,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("host %q: got status %d, want %d", host, w.Code, want)
		}
	}
}
