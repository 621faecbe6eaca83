package main

import (
	"cmp"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/warren-mq/warren/examples/signup/internal/app"
	"github.com/warren-mq/warren/examples/signup/internal/database"
)

// all is the role of a process that runs every part.
const all app.Role = "all"

// embedded as AMQP_URL selects a broker in memory, as an empty AMQP_URL does.
const embedded = "embedded:"

// options holds the settings from the command line and the environment.
type options struct {
	role     app.Role
	addr     string
	data     string
	site     string
	prefix   string
	selfTest bool

	broker, database, smtp, secret string
}

func parse(args []string, getenv func(string) string, stderr io.Writer) (options, error) {
	o := options{broker: getenv("AMQP_URL"), database: getenv("DATABASE_URL"), smtp: getenv("SMTP_URL"), secret: getenv("SIGNUP_SECRET")}
	if o.broker == embedded { // the demo starts a broker on a TCP port, which other clients can inspect
		o.broker = ""
	}
	f := flag.NewFlagSet("signup", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		_, _ = io.WriteString(stderr, usage)
		f.PrintDefaults()
	}
	role := f.String("role", string(all), "what this process does: `one` of "+strings.Join(roles(), ", "))
	f.StringVar(&o.addr, "addr", "", "`address` of the HTTP service; 127.0.0.1:8080 if empty, or any free port in a self-test")
	f.StringVar(&o.data, "data", "", "`folder` of the databases; a temporary folder if empty")
	f.StringVar(&o.site, "site", "", "public `URL` of the service for the links in mails, for every role but all; http:// and the address if empty")
	f.StringVar(&o.prefix, "prefix", "", "`text` prepended to the names of the exchange and the queues")
	f.BoolVar(&o.selfTest, "self-test", false, "run the whole demo without a browser, check each step, and exit")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.role, o.site = app.Role(*role), strings.TrimRight(o.site, "/")
	if err := o.check(f.Args()); err != nil {
		log.New(stderr, "signup: ", log.Lmsgprefix).Println(oneLine(err))
		return o, err
	}
	if o.selfTest {
		o.prefix = cmp.Or(o.prefix, ownPrefix+strings.ToLower(rand.Text()[:8])+".")
		o.addr = cmp.Or(o.addr, "127.0.0.1:0")
	}
	o.addr = cmp.Or(o.addr, "127.0.0.1:8080")
	return o, nil
}

const usage = `usage: signup [flags]

Environment:
  AMQP_URL       URL of the RabbitMQ; a broker in the process if empty
  SMTP_URL       URL of the mail server; a catcher in the process if empty
  DATABASE_URL   URL of a PostgreSQL; SQLite if empty
  SIGNUP_SECRET  key that signs the links in mails

Roles other than all need AMQP_URL, SMTP_URL, SIGNUP_SECRET and -data, with the same values
in every process.

`

// check returns every missing or invalid option, joined, or nil.
func (o options) check(rest []string) error {
	var errs []error
	if len(rest) > 0 {
		errs = append(errs, fmt.Errorf("got arguments %q, want flags only", rest))
	}
	if o.database != "" && !database.IsPostgres(o.database) {
		errs = append(errs, errors.New("DATABASE_URL must begin with postgres://"))
	}
	if u, err := url.Parse(o.site); o.site != "" && (err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https")) {
		errs = append(errs, fmt.Errorf("-site is %q, want http://host or https://host", o.site))
	}
	switch {
	case !slices.Contains(roles(), string(o.role)):
		errs = append(errs, fmt.Errorf("-role is %q, want one of %s", o.role, strings.Join(roles(), ", ")))
	case o.role == all:
		errs = append(errs, o.checkAll())
	default:
		errs = append(errs, o.checkRole())
	}
	return errors.Join(errs...)
}

func (o options) checkAll() (err error) {
	if o.site != "" {
		err = errors.New("-site is for the other roles: -role all serves its pages on this machine")
	}
	if o.selfTest && o.smtp != "" {
		err = errors.Join(err, errors.New("-self-test reads the mails from its own mail server: unset SMTP_URL"))
	}
	return err
}

// checkRole checks the options of a process that runs one role beside others.
func (o options) checkRole() error {
	var errs []error
	if o.broker == "" || strings.HasPrefix(o.broker, embedded) {
		errs = append(errs, fmt.Errorf("-role %s needs AMQP_URL, the URL of a RabbitMQ that all processes share", o.role))
	}
	for _, need := range [][2]string{{"SMTP_URL", o.smtp}, {"SIGNUP_SECRET", o.secret}, {"-data", o.data}} {
		if need[1] == "" {
			errs = append(errs, fmt.Errorf("-role %s needs %s, with the same value as in the other processes", o.role, need[0]))
		}
	}
	if o.selfTest {
		errs = append(errs, errors.New("-self-test is for -role all"))
	}
	return errors.Join(errs...)
}

func roles() (names []string) {
	for _, r := range app.Roles() {
		names = append(names, string(r))
	}
	return append(names, string(all))
}

// folder returns the folder of the databases, and a function that removes it if it is
// temporary.
func (o options) folder() (dir string, remove func() error, err error) {
	if o.data != "" {
		if err := os.MkdirAll(o.data, 0o700); err != nil {
			return "", nil, fmt.Errorf("-data: %w", err)
		}
		return o.data, func() error { return nil }, nil
	}
	dir, err = os.MkdirTemp("", "signup-")
	return dir, func() error { return os.RemoveAll(dir) }, err
}
