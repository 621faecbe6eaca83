package rabbit

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// Proxy is a proxy to a broker that cuts or delays connections on demand. Its methods are not
// safe for concurrent use.
type Proxy struct {
	proxy *toxiproxy.Proxy
	pipe  *pipeProxy // used instead over pipes
	url   string
}

// NewProxy starts a proxy to the broker at upstreamURL, on a free port of 127.0.0.1, and stops it
// when the test ends. The URL must be an amqp:// URL.
func NewProxy(tb testing.TB, upstreamURL string) *Proxy {
	tb.Helper()
	u, err := url.Parse(upstreamURL)
	if err != nil || u.Scheme != "amqp" {
		tb.Fatalf("rabbit: proxy to %q: want an amqp:// URL: %v", upstreamURL, err)
	}
	if piped() {
		return newPipeProxy(tb, u.Hostname())
	}
	upstream := u.Host
	if u.Port() == "" {
		upstream += ":5672"
	}
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p := &Proxy{}
	for p.proxy == nil {
		proxy := toxiproxy.NewProxy(server, tb.Name(), freeAddress(tb), upstream)
		switch err := proxy.Start(); {
		case err == nil:
			p.proxy = proxy
		case !errors.Is(err, syscall.EADDRINUSE): // someone may take the port before the proxy does
			tb.Fatalf("rabbit: proxy: %v", err)
		}
	}
	tb.Cleanup(p.Cut)
	u.Host = p.proxy.Listen
	p.url = u.String()
	return p
}

// freeAddress returns an address with a port below the range of outgoing connections. A port in
// that range could be taken while the proxy is cut.
func freeAddress(tb testing.TB) string {
	tb.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(10_000))
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue // taken
		}
		if err := l.Close(); err != nil {
			tb.Fatalf("rabbit: proxy: %v", err)
		}
		return address
	}
	tb.Fatal("rabbit: proxy: no free port found")
	return ""
}

// URL returns the upstream's URL with the proxy's address, which stays the same
// across Cut and Restore.
func (p *Proxy) URL() string { return p.url }

// Cut closes every connection immediately, drops the bytes in transit, and refuses new
// connections until Restore.
func (p *Proxy) Cut() {
	if p.pipe != nil {
		p.pipe.cut()
		return
	}
	p.proxy.Stop()
}

// Restore accepts connections again after Cut.
func (p *Proxy) Restore(tb testing.TB) {
	tb.Helper()
	if p.pipe != nil {
		p.pipe.restore()
		return
	}
	if err := p.proxy.Start(); err != nil {
		tb.Fatalf("rabbit: proxy: %v", err)
	}
}

// Delay delays all bytes by d in each direction, also on open connections. Zero ends the delay.
func (p *Proxy) Delay(tb testing.TB, d time.Duration) {
	tb.Helper()
	if p.pipe != nil {
		p.pipe.setDelay(d)
		return
	}
	p.proxy.Toxics.ResetToxics(tb.Context())
	if d == 0 {
		return
	}
	for _, stream := range []string{"upstream", "downstream"} {
		toxic, err := json.Marshal(map[string]any{
			"type": "latency", "stream": stream,
			"attributes": map[string]any{"latency": d.Milliseconds()},
		})
		if err == nil {
			_, err = p.proxy.Toxics.AddToxicJson(strings.NewReader(string(toxic)))
		}
		if err != nil {
			tb.Fatalf("rabbit: proxy: delay of %v %s: %v", d, stream, err)
		}
	}
}
