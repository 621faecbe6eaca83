package access_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/warren-mq/warren/internal/access"
)

func TestATokenMustBeSetAndEqual(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		shown, token string
		want         bool
	}{{"abc", "abc", true}, {"abd", "abc", false}, {"ab", "abc", false}, {"", "", false}} {
		if got := access.IsToken(tt.shown, tt.token); got != tt.want {
			t.Errorf("IsToken(%q, %q) is %v, want %v", tt.shown, tt.token, got, tt.want)
		}
	}
}

func TestOnlyRequestsOfThisMachineToALoopbackAddressAreLocal(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		host, remote, local string
		header              string // that a proxy adds
		want                bool
	}{
		"by name":                              {"localhost:8081", "127.0.0.1:5000", "127.0.0.1:8081", "", true},
		"by address":                           {"127.0.0.1:8081", "127.0.0.1:5000", "127.0.0.1:8081", "", true},
		"without a port":                       {"localhost", "127.0.0.1:5000", "127.0.0.1:80", "", true},
		"over IPv6":                            {"[::1]:8081", "[::1]:5000", "[::1]:8081", "", true},
		"over IPv6, without a port":            {"[::1]", "[::1]:5000", "[::1]:80", "", true},
		"on a socket for IPv4 and IPv6":        {"localhost:8081", "[::ffff:127.0.0.1]:5000", "[::ffff:127.0.0.1]:8081", "", true},
		"by a name that points here":           {"evil.example:8081", "127.0.0.1:5000", "127.0.0.1:8081", "", false},
		"by a name that begins with localhost": {"localhost.evil.example", "127.0.0.1:5000", "127.0.0.1:8081", "", false},
		"without a Host":                       {"", "127.0.0.1:5000", "127.0.0.1:8081", "", false},
		"by another address":                   {"10.0.0.1:8081", "127.0.0.1:5000", "127.0.0.1:8081", "", false},
		"from elsewhere":                       {"localhost:8081", "203.0.113.5:5000", "192.0.2.1:8081", "", false},
		"from elsewhere, with a forged source": {"localhost:8081", "127.0.0.1", "192.0.2.1:8081", "", false},
		"through a proxy on this machine":      {"localhost:8081", "127.0.0.1:5000", "127.0.0.1:8081", "X-Forwarded-For", false},
		"through a proxy of RFC 7239":          {"localhost:8081", "127.0.0.1:5000", "127.0.0.1:8081", "Forwarded", false},
		"through nginx":                        {"127.0.0.1:8081", "127.0.0.1:5000", "127.0.0.1:8081", "X-Real-IP", false},
		"on a Unix socket":                     {"localhost", "@", "/run/runner.sock", "", false},
	} {
		r := httptest.NewRequestWithContext(context.WithValue(t.Context(), http.LocalAddrContextKey, address(tt.local)), http.MethodGet, "/", nil)
		r.Host, r.RemoteAddr = tt.host, tt.remote
		if tt.header != "" {
			r.Header.Set(tt.header, "203.0.113.5")
		}
		if got := access.IsLocal(r); got != tt.want {
			t.Errorf("a request %s is local: %v, want %v", name, got, tt.want)
		}
	}
}

// address is the local end of a connection.
type address string

func (address) Network() string  { return "test" }
func (a address) String() string { return string(a) }
