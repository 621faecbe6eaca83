package rabbit

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// Proxy is a TCP proxy in front of a broker that fails on demand. Its methods must
// not be called at the same time.
type Proxy struct {
	proxy *toxiproxy.Proxy
	pipe  *pipeProxy // instead, over pipes
	url   string
}

// NewProxy starts a proxy to the broker at upstreamURL, on a port of its own on
// 127.0.0.1, and stops it when the test ends. Only amqp:// is carried.
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
	p := &Proxy{proxy: toxiproxy.NewProxy(server, tb.Name(), freeAddress(tb), upstream)}
	p.Restore(tb)
	tb.Cleanup(p.Cut)
	u.Host = p.proxy.Listen
	p.url = u.String()
	return p
}

// freeAddress is of a port below those that outgoing connections get: one of these could
// take it while the proxy is cut.
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
	tb.Fatal("rabbit: proxy: no port is free")
	return ""
}

// URL returns the upstream's URL with the proxy's address, which stays the same
// across Cut and Restore.
func (p *Proxy) URL() string { return p.url }

// Cut drops every connection at once, whatever is under way on it, and refuses new
// ones until Restore.
func (p *Proxy) Cut() {
	if p.pipe != nil {
		p.pipe.cut()
		return
	}
	p.proxy.Stop()
}

// Restore takes connections again after Cut.
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

// Delay holds back whatever passes, in each direction, by d; zero ends that.
// Connections that are open already are delayed too.
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
