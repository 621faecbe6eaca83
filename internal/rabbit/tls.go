package rabbit

import (
	"crypto/rand"
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

// StartTLS is Start for a node whose URL is for TLS and names no user. A client's
// certificate may stand for a password: by SASL EXTERNAL its common name is the user.
// Users there are guest and those named, who may do everything.
func StartTLS(tb testing.TB, c Certificates, users ...string) Node {
	tb.Helper()
	s := setup{tls: &c}
	for _, name := range users {
		s.users = append(s.users, user{name: name, password: rand.Text()})
	}
	return startFor(tb, s)
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
