package live

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// Hosts answers 421 to requests for a host that is not this server's: a foreign page could
// otherwise reach it under a name of its own that resolves to this machine (DNS
// rebinding). Addresses, localhost and the host of site are this server's.
func Hosts(next http.Handler, site string) http.Handler {
	own := ""
	if u, err := url.Parse(site); err == nil {
		own = u.Hostname()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !served(r.Host, own) {
			http.Error(w, "This server has another name. Use its address, localhost, or the name in -site.", http.StatusMisdirectedRequest)
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
