// Package access checks who may use an HTTP interface: by a token, or without one from this
// machine.
package access

import (
	"crypto/subtle"
	"net"
	"strings"
)

// IsToken reports whether shown equals a token that is set. It takes the same time wherever
// the two differ.
func IsToken(shown, token string) bool {
	return token != "" && subtle.ConstantTimeCompare([]byte(shown), []byte(token)) == 1
}

// IsLoopback reports whether the host of a Host header is localhost or a loopback address. A
// web page can make other names point to this machine.
func IsLoopback(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	ip := net.ParseIP(strings.Trim(name, "[]"))
	return name == "localhost" || ip.IsLoopback()
}
