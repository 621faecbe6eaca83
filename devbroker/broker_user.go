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

// User is a user that may log in, with permissions in every virtual host.
// Each permission is a regular expression that is matched with the names of queues and
// exchanges, as in RabbitMQ's access control. Empty means all names; ^$ means none.
type User struct {
	Name      string
	Password  string // empty means that the user can log in only with a client certificate
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
	pattern := func(s string) *regexp.Regexp {
		if s == "" || s == ".*" {
			return nil
		}
		return regexp.MustCompile(s)
	}
	a.permissions = map[permission]*regexp.Regexp{
		configure: pattern(u.Configure), write: pattern(u.Write), read: pattern(u.Read),
	}
}

// SetPermissions replaces the patterns of the user named u.Name, as rabbitmqctl
// set_permissions does. The password stays. The change takes effect at once. RabbitMQ
// differs: it lets a channel continue to use what it has used before.
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

// check returns an error if the user's pattern does not match the queue or exchange.
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
	pattern := a.permissions[p]
	return pattern == nil || pattern.MatchString(name)
}

// checkPassive returns an error for a passive declaration if the version checks it and the
// user has no permission for the name.
func (a *account) checkPassive(kind, name, vhost string) error {
	if !a.gen.checksPassive || a.has(write, name) || a.has(read, name) {
		return nil
	}
	return a.check(configure, kind, name, vhost)
}

// checkTarget returns an error if the new queue or exchange names a dead-letter or
// alternate exchange to which the user may not publish.
func (a *account) checkTarget(kind, name, vhost string, args wire.Table, argument string) error {
	target, ok := args.Get(argument)
	exchange, isText := target.(string)
	if !ok || !isText {
		return nil
	}
	return cmp.Or(a.check(read, kind, name, vhost), a.check(write, "exchange", exchange, vhost))
}

// errLogin is returned when the user is unknown or the password is wrong.
var errLogin = errors.New("devbroker: login refused")

// authenticate returns the account that a SASL response logs in to. It returns errLogin if
// the login is refused and errOutOfTurn if the response is malformed.
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
	return nil, errOutOfTurn // the response is malformed for this mechanism
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
