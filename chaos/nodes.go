package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	user            = "chaos"
	commandTimeout  = 5 * time.Minute // of scripts/rabbitmq; a node of a cluster may wait for others
	restoreMemory   = "1GB"           // as scripts/rabbitmq sets it
	restoreDiskFree = "50MB"
)

// nodes are the RabbitMQ nodes of a kind of broker. They are counted from 0.
type nodes struct {
	kind    brokerKind
	scripts string
	dir     string
	version string
	urls    []string // of the user guest
	pki     *pki     // nil without TLS
}

func startNodes(ctx context.Context, o options, b brokerKind) (_ *nodes, err error) {
	dir, err := os.MkdirTemp("", "warren-chaos-")
	if err != nil {
		return nil, err
	}
	n := &nodes{kind: b, scripts: o.scripts, dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.remove())
		}
	}()
	if b.tls {
		if n.pki, err = newPKI(filepath.Join(dir, "1", "tls")); err != nil {
			return nil, err
		}
	}
	logf("starting RabbitMQ %s", b.name)
	if _, err := n.script(ctx, "install"); err != nil {
		return nil, err
	}
	out, err := n.script(ctx, "cluster", dir, strconv.Itoa(b.size))
	if err != nil {
		return nil, err
	}
	n.urls = strings.Fields(out)
	if _, err := n.ctl(ctx, 0, "add_user", user, user); err != nil {
		return nil, err
	}
	return n, n.readVersion()
}

func (n *nodes) readVersion() error {
	conn, err := amqp.Dial(n.urls[0])
	if err != nil {
		return err
	}
	n.version, _ = conn.Properties["version"].(string)
	return conn.Close()
}

// remove uses its own context, since it must run when the program is interrupted.
func (n *nodes) remove() error {
	_, err := n.script(context.Background(), "remove", n.dir)
	return errors.Join(err, os.RemoveAll(n.dir))
}

// script runs scripts/rabbitmq. Its own process group keeps it running when the terminal
// interrupts this program, so that nodes are removed in order.
func (n *nodes) script(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, n.scripts, args...)
	cmd.Env = append(os.Environ(), "WARREN_RABBITMQ="+n.kind.release)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("scripts/rabbitmq %s: %w\n%s", strings.Join(args, " "), err, &stderr)
	}
	return string(out), nil
}

func (n *nodes) folder(i int) string { return filepath.Join(n.dir, strconv.Itoa(i+1)) }

// command runs a command of scripts/rabbitmq on a node.
func (n *nodes) command(ctx context.Context, i int, command string) error {
	_, err := n.script(ctx, command, n.folder(i))
	return err
}

func (n *nodes) ctl(ctx context.Context, i int, args ...string) (string, error) {
	return n.script(ctx, append([]string{"ctl", n.folder(i)}, args...)...)
}

// ctlAll runs rabbitmqctl on the first node several times.
func (n *nodes) ctlAll(ctx context.Context, commands ...[]string) (err error) {
	for _, c := range commands {
		_, failed := n.ctl(ctx, 0, c...)
		err = errors.Join(err, failed)
	}
	return err
}

// addVhost adds a virtual host for the user of the workers and for guest.
func (n *nodes) addVhost(ctx context.Context, vhost string) error {
	return n.ctlAll(
		ctx, []string{"add_vhost", vhost},
		[]string{"set_permissions", "-p", vhost, user, ".*", ".*", ".*"},
		[]string{"set_permissions", "-p", vhost, "guest", ".*", ".*", ".*"},
	)
}

// address returns the URL of a node for the virtual host, as the user of the workers.
func (n *nodes) address(i int, vhost, password string) string {
	u, _ := url.Parse(n.urls[i]) // printed by scripts/rabbitmq
	u.User, u.Path = url.UserPassword(user, password), "/"+vhost
	return u.String()
}

// admin opens a connection to the virtual host as guest.
func (n *nodes) admin(vhost string) (conn *amqp.Connection, err error) {
	for i := range n.urls {
		u, _ := url.Parse(n.urls[i]) // printed by scripts/rabbitmq
		u.Path = "/" + vhost
		if conn, err = amqp.Dial(u.String()); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// pid returns the process of a node.
func (n *nodes) pid(ctx context.Context, i int) (int, error) {
	out, err := n.ctl(ctx, i, "eval", "list_to_integer(os:getpid()).")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(out))
}

// names returns the Erlang names of all nodes.
func (n *nodes) names(ctx context.Context) (all []string, err error) {
	for i := range n.urls {
		out, failed := n.ctl(ctx, i, "eval", "node().")
		all, err = append(all, strings.TrimSpace(out)), errors.Join(err, failed)
	}
	return all, err
}
