//go:build clients

package clients_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/url"
	"slices"
	"sync"
	"testing"

	"github.com/warren-mq/warren/devbroker"
)

// link is a connection of a client, and the one to the broker that belongs to it.
type link struct {
	client, broker net.Conn
	name           string // that the client gave it
}

// front returns a URL that leads to a broker through m.
func (m *management) front(t *testing.T, broker *devbroker.Broker) string {
	t.Helper()
	u, err := url.Parse(broker.URL())
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	upstream := u.Host
	var carried sync.WaitGroup
	carried.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			carried.Go(func() { m.carry(client, upstream) })
		}
	})
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		carried.Wait()
	})
	u.Host = listener.Addr().String()
	return u.String()
}

// carry carries a connection until one of its ends closes it.
func (m *management) carry(client net.Conn, host string) {
	broker, err := net.Dial("tcp", host)
	if err != nil {
		_ = client.Close() // there is no broker to talk with
		return
	}
	l := &link{client: client, broker: broker}
	address := client.RemoteAddr().String()
	m.mu.Lock()
	m.links[address] = l
	m.mu.Unlock()

	var back sync.WaitGroup
	back.Go(func() {
		defer l.close()
		_, _ = io.Copy(client, broker) // an error is an end like any other
	})
	if name, err := l.greet(); err == nil {
		m.mu.Lock()
		l.name = name
		m.mu.Unlock()
		_, _ = io.Copy(broker, client)
	}
	l.close()
	back.Wait()
	m.mu.Lock()
	delete(m.links, address)
	m.mu.Unlock()
}

// greet carries the client's first words, the protocol header and start-ok, and
// returns the connection_name in them.
func (l *link) greet() (string, error) {
	if _, err := io.CopyN(l.broker, l.client, int64(len("AMQP...."))); err != nil {
		return "", err
	}
	frame := make([]byte, len("TCCSSSS")) // type, channel, size
	if _, err := io.ReadFull(l.client, frame); err != nil {
		return "", err
	}
	rest := make([]byte, binary.BigEndian.Uint32(frame[3:])+1) // and the end of the frame
	if _, err := io.ReadFull(l.client, rest); err != nil {
		return "", err
	}
	if _, err := l.broker.Write(slices.Concat(frame, rest)); err != nil {
		return "", err
	}
	_, name, named := bytes.Cut(rest, []byte("\x0fconnection_nameS"))
	if !named {
		return "", nil
	}
	return string(name[4 : 4+binary.BigEndian.Uint32(name)]), nil
}

// close closes both ends, either of which may be closed already.
func (l *link) close() { _ = errors.Join(l.client.Close(), l.broker.Close()) }
