package main

import (
	"net"
	"net/url"
	"sync"
	"time"
)

// proxy passes connections to a node, and can hold all of them without closing them.
type proxy struct {
	listener net.Listener
	to       string
	open     sync.RWMutex // locked while it holds
}

// newProxy returns a proxy and its URL, which is the node's with another address.
func newProxy(node string) (*proxy, string, error) {
	u, err := url.Parse(node)
	if err != nil {
		return nil, "", err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	p := &proxy{listener: l, to: u.Host}
	u.Host = l.Addr().String()
	go p.accept()
	return p, u.String(), nil
}

func (p *proxy) close() { _ = p.listener.Close() } // its connections end with their clients

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.to)
		if err != nil {
			_ = client.Close() // the node is down
			continue
		}
		go p.pass(client, server)
		go p.pass(server, client)
	}
}

func (p *proxy) pass(to, from net.Conn) {
	defer func() { _, _ = to.Close(), from.Close() }() // both ends are done
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		p.open.RLock()
		p.open.RUnlock() //nolint:staticcheck // waits while the proxy holds its connections
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// hold holds the data of all proxies for a while.
func hold(all []*proxy, d time.Duration) {
	for _, p := range all {
		p.open.Lock()
	}
	<-time.After(d)
	for _, p := range all {
		p.open.Unlock()
	}
}
