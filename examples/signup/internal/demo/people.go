package demo

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"

	"github.com/warren-mq/warren/examples/signup/internal/account"
)

// many is the largest crowd in which each person has their own password. To hash 10,000
// passwords takes minutes. The people above this number share one password, which is hashed
// once, and their answers are not part of the latencies.
const many = 100

// extras ends the addresses of the people who share a password.
const extras = "@crowd.example.com"

// crowds makes up people. It is safe for concurrent use.
type crowds struct {
	hasher   *account.Hasher
	password string // the one that the extras share
	once     func() (string, error)
}

func newCrowds() crowds {
	c := crowds{hasher: account.NewHasher(), password: rand.Text()}
	c.once = sync.OnceValues(func() (string, error) { return c.hasher.Hash(context.Background(), c.password) })
	return c
}

// hash returns the hash by account.Hasher. It hashes the shared password of the extras once.
func (c *crowds) hash(ctx context.Context, password string) (string, error) {
	if password == c.password {
		return c.once()
	}
	return c.hasher.Hash(ctx, password)
}

// person returns the i-th person of a crowd, with their own password.
func (c *crowds) person(crowd string, i int) account.Input {
	return account.Input{
		Email: fmt.Sprintf("visitor-%d.%s@%s", i, crowd, domains[i%len(domains)]),
		Name:  fmt.Sprintf("Visitor %d", i), Password: "correct horse " + crowd,
	}
}

var domains = []string{"example.com", "example.org", "example.net"}

// extra returns the i-th person of a crowd, with the shared password.
func (c *crowds) extra(crowd string, i int) account.Input {
	return account.Input{
		Email: fmt.Sprintf("visitor-%d.%s%s", i, crowd, extras), Name: fmt.Sprintf("Visitor %d", i), Password: c.password,
	}
}

func isExtra(email string) bool { return strings.HasSuffix(email, extras) }
