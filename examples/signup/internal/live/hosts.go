package live

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// Hosts passes requests to next if their host is an IP address, localhost or the host of site,
// and answers 421 to all others. Otherwise a foreign page could reach this server by a host
// name of its own that resolves to this machine (DNS rebinding).
func Hosts(next http.Handler, site string) http.Handler {
	own := ""
	if u, err := url.Parse(site); err == nil {
		own = u.Hostname()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !served(r.Host, own) {
			http.Error(w, "Unknown host name. Use the IP address, localhost, or the host in -site.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// served reports whether a request's host is an address, localhost or own.
func served(host, own string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return net.ParseIP(name) != nil || name == "localhost" || strings.HasSuffix(name, ".localhost") ||
		own != "" && strings.EqualFold(name, own)
}
