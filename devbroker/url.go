package devbroker

import "net/url"

// brokerURL writes an AMQP URL; the virtual host / is an empty path.
func brokerURL(scheme, host string, u User, vhost string) string {
	out := url.URL{Scheme: scheme, Host: host, User: url.UserPassword(u.Name, u.Password), Path: "/"}
	if vhost != "/" {
		out.Path, out.RawPath = "/"+vhost, "/"+url.PathEscape(vhost)
	}
	return out.String()
}
