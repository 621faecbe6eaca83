package devbroker

import (
	"cmp"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// User may log in and may do what its patterns allow, in every virtual host.
// A pattern is a regular expression over the names of queues and exchanges, as in
// RabbitMQ's access control; empty means all, and ^$ none.
type User struct {
	Name      string
	Password  string // without one, only a client's certificate lets the user in
	Configure string
	Write     string
	Read      string
}

func (u User) validate() (errs []error) {
	if u.Name == "" {
		errs = append(errs, errors.New("devbroker: a user has no name"))
	}
	for _, pattern := range []string{u.Configure, u.Write, u.Read} {
		if _, err := regexp.Compile(pattern); err != nil {
			errs = append(errs, fmt.Errorf("devbroker: user %q: %w", u.Name, err))
		}
	}
	return errs
}

// account is a User ready for use.
type account struct {
	User
	permissions map[permission]*regexp.Regexp
	gen         generation
}

// permission is a kind of access, in the words of RabbitMQ's access control.
type permission string

const (
	configure permission = "configure"
	write     permission = "write"
	read      permission = "read"
)

func newAccount(u User, gen generation) *account {
	a := &account{User: u, gen: gen}
	a.permit(u)
	return a
}

func (a *account) permit(u User) {
	pattern := func(s string) *regexp.Regexp { return regexp.MustCompile(cmp.Or(s, ".*")) }
	a.permissions = map[permission]*regexp.Regexp{
		configure: pattern(u.Configure), write: pattern(u.Write), read: pattern(u.Read),
	}
}

// SetPermissions replaces the patterns of the user that has u's name, as rabbitmqctl
// set_permissions does; the password stays. It takes effect at once. RabbitMQ lets a channel
// go on with what it has used before.
func (b *Broker) SetPermissions(u User) error {
	if err := errors.Join(u.validate()...); err != nil {
		return err
	}
	err := fmt.Errorf("devbroker: set permissions: there is no user %q", u.Name)
	b.do(func() {
		if a := b.accounts[u.Name]; a != nil {
			a.permit(u)
			err = nil
		}
	})
	return err
}

// check refuses access to a queue or an exchange that the user's patterns leave out.
func (a *account) check(p permission, kind, name, vhost string) error {
	if kind == "exchange" && name == "" {
		name = "amq.default"
	}
	if a.has(p, name) {
		return nil
	}
	what := "access"
	if a.gen.namesPermissions {
		what = string(p) + " access"
	}
	return refuse(accessRefused, "%s to %s '%s' in vhost '%s' refused for user '%s'", what, kind, name, vhost, a.Name)
}

func (a *account) has(p permission, name string) bool {
	return a.permissions[p].MatchString(name)
}

// checkPassive refuses a look at what the user may not touch at all, where the version
// asks for that.
func (a *account) checkPassive(kind, name, vhost string) error {
	if !a.gen.checksPassive || a.has(write, name) || a.has(read, name) {
		return nil
	}
	return a.check(configure, kind, name, vhost)
}

// checkTarget refuses a new queue or exchange that would publish where its user may
// not: to a dead-letter or an alternate exchange.
func (a *account) checkTarget(kind, name, vhost string, args wire.Table, argument string) error {
	target, ok := args.Get(argument)
	exchange, isText := target.(string)
	if !ok || !isText {
		return nil
	}
	return cmp.Or(a.check(read, kind, name, vhost), a.check(write, "exchange", exchange, vhost))
}

// errLogin says that a name and a password do not belong together.
var errLogin = errors.New("devbroker: login refused")

// authenticate returns who a SASL response speaks for. The error is errLogin, or that
// the response is none.
func (b *Broker) authenticate(mechanism, response string, peer *tls.ConnectionState) (*account, error) {
	switch mechanism {
	case "PLAIN":
		parts := strings.Split(response, "\x00")
		if len(parts) == 3 && parts[0] == "" {
			return b.login(parts[1], parts[2])
		}
	case "AMQPLAIN":
		table, err := wire.ParseBareTable([]byte(response))
		login, named := table.Get("LOGIN")
		password, _ := table.Get("PASSWORD")
		if err == nil && named {
			return b.login(fmt.Sprint(login), fmt.Sprint(password))
		}
	case "ANONYMOUS":
		return b.login("guest", "guest")
	case "EXTERNAL":
		if peer != nil && len(peer.VerifiedChains) > 0 {
			return b.known(peer.VerifiedChains[0][0].Subject.CommonName)
		}
		return nil, errLogin
	}
	return nil, errOutOfTurn // the response is none of this mechanism
}

func (b *Broker) known(name string) (*account, error) {
	if a := b.accounts[name]; a != nil {
		return a, nil
	}
	return nil, errLogin
}

func (b *Broker) login(name, password string) (*account, error) {
	a, err := b.known(name)
	if err != nil || password == "" || subtle.ConstantTimeCompare([]byte(a.Password), []byte(password)) != 1 {
		return nil, errLogin
	}
	return a, nil
}
