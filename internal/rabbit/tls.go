package rabbit

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// Certificates holds the certificates and the key of a node with TLS, in PEM.
type Certificates struct {
	CA   []byte // the authority that signs client certificates
	Cert []byte // the node's own, for localhost
	Key  []byte
}

// StartTLS is like Start, for a node with an amqps URL without a user. A client may log in with a
// certificate instead of a password: with SASL EXTERNAL the common name is the user. The node has
// the user guest and the given users, all with all permissions.
func StartTLS(tb testing.TB, c Certificates, users ...string) Node {
	tb.Helper()
	s := setup{tls: &c}
	for _, name := range users {
		s.users = append(s.users, user{name: name, password: rand.Text()})
	}
	return startFor(tb, s)
}

// write writes the certificates to the folder that scripts/rabbitmq reads. A node in a container
// reads them as another user.
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
