// Package access checks who may use an HTTP interface: by a token, or without one from this
// machine.
package access

import (
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
)

// IsToken reports whether shown equals a token that is set. It takes the same time wherever
// the two differ.
func IsToken(shown, token string) bool {
	return token != "" && subtle.ConstantTimeCompare([]byte(shown), []byte(token)) == 1
}

// IsLocal reports whether a program of this machine has sent the request: to localhost or a
// loopback address, over a loopback connection, and not through a proxy that adds a header. The
// client chooses the Host, and a web page can make other names point to this machine, so neither
// the Host nor the connection is enough. Web servers forward requests to Unix sockets, so a
// connection to one is not local.
func IsLocal(r *http.Request) bool {
	for _, header := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip"} {
		if r.Header.Get(header) != "" {
			return false
		}
	}
	host := hostname(r.Host)
	return (host == "localhost" || isLoopback(host)) && isLoopbackConn(r)
}

// isLoopbackConn reports whether both ends of the connection are loopback addresses. Middleware
// may set RemoteAddr from a header; it does not set the local address. A handler that is called
// without a server has none.
func isLoopbackConn(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return isLoopback(hostname(r.RemoteAddr)) && (!ok || isLoopback(hostname(local.String())))
}

func isLoopback(host string) bool { return net.ParseIP(host).IsLoopback() }

func hostname(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.Trim(hostport, "[]")
}
