package access_test

import (
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

func TestOnlyLocalhostAndLoopbackAddressesAreLocal(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"localhost": true, "localhost:8081": true, "127.0.0.1:8081": true, "[::1]:8081": true, "[::1]": true,
		"evil.example:8081": false, "10.0.0.1": false, "localhost.evil.example": false, "": false,
	} {
		if got := access.IsLoopback(host); got != want {
			t.Errorf("IsLoopback(%q) is %v, want %v", host, got, want)
		}
	}
}
