package demo

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"

	"github.com/warren-mq/warren/examples/signup/internal/account"
)

// many is how many sign up with a password each. To hash those of 10,000 takes minutes,
// as it should: more of them share one, whose hash is made once, and how fast they are
// answered is not counted.
const many = 100

// extras is the domain of those who share a password.
const extras = "@crowd.example.com"

// crowds makes up people. It is safe for concurrent use.
type crowds struct {
	hasher   *account.Hasher
	password string // of the extras
	once     func() (string, error)
}

func newCrowds() crowds {
	c := crowds{hasher: account.NewHasher(), password: rand.Text()}
	c.once = sync.OnceValues(func() (string, error) { return c.hasher.Hash(context.Background(), c.password) })
	return c
}

// hash is account.Hasher's, but for the password that the extras share.
func (c *crowds) hash(ctx context.Context, password string) (string, error) {
	if password == c.password {
		return c.once()
	}
	return c.hasher.Hash(ctx, password)
}

// person is one of a crowd.
func (c *crowds) person(crowd string, i int) account.Input {
	return account.Input{
		Email: fmt.Sprintf("visitor-%d.%s@%s", i, crowd, domains[i%len(domains)]),
		Name:  fmt.Sprintf("Visitor %d", i), Password: "correct horse " + crowd,
	}
}

var domains = []string{"example.com", "example.org", "example.net"}

// extra is one of a crowd that shares a password.
func (c *crowds) extra(crowd string, i int) account.Input {
	return account.Input{
		Email: fmt.Sprintf("visitor-%d.%s%s", i, crowd, extras), Name: fmt.Sprintf("Visitor %d", i), Password: c.password,
	}
}

func isExtra(email string) bool { return strings.HasSuffix(email, extras) }
