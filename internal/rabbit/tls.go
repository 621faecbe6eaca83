package rabbit

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// Certificates are what a node with TLS needs, in PEM.
type Certificates struct {
	CA   []byte // whose certificates the node accepts from its clients
	Cert []byte // the node's own, for localhost
	Key  []byte
}

// StartTLS is Start for a node that takes TLS connections too, and returns their URL,
// which names no user. A client's certificate may stand for a password: by SASL
// EXTERNAL its common name is the user.
func StartTLS(tb testing.TB, c Certificates) (n *Node, url string) {
	tb.Helper()
	n, remove, err := start(c.write)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := remove(); err != nil {
			tb.Error(err)
		}
	})
	return n, n.must(tb, "tlsurl")
}

// write puts the certificates where scripts/rabbitmq looks for them. A node in a
// container reads them as another user.
func (c Certificates) write(dir string) error {
	dir = filepath.Join(dir, "tls")
	if err := os.Mkdir(dir, 0o755); err != nil { //nolint:gosec // others must read it, see above
		return err
	}
	write := func(name string, pem []byte) error {
		return os.WriteFile(filepath.Join(dir, name), pem, 0o644) //nolint:gosec // as the folder
	}
	return errors.Join(write("ca.pem", c.CA), write("cert.pem", c.Cert), write("key.pem", c.Key))
}
