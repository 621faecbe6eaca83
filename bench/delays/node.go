package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

// node is a RabbitMQ node of scripts/rabbitmq on this machine.
type node struct {
	options options
	url     string
	version string
	pid     int
}

func openNode(o options) (*node, error) {
	n := &node{options: o}
	out, err := n.script("url")
	if err != nil {
		return nil, err
	}
	n.url = strings.TrimSpace(out)
	return n, n.find()
}

// find reads the version and the process of the node, which a restart changes.
func (n *node) find() error {
	conn, err := amqp.Dial(n.url)
	if err != nil {
		return fmt.Errorf("connect to the node: %w", err)
	}
	n.version, _ = conn.Properties["version"].(string)
	if err := conn.Close(); err != nil {
		return err
	}
	u, err := url.Parse(n.url)
	if err != nil {
		return err
	}
	n.pid, err = listener(u.Port())
	return err
}

// script runs scripts/rabbitmq COMMAND DIR ARG….
func (n *node) script(command string, args ...string) (string, error) {
	cmd := exec.Command(n.options.scripts, append([]string{command, n.options.dir}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", n.options.scripts, command, err)
	}
	return string(out), nil
}

// listener returns the process that listens on a TCP port.
func listener(port string) (int, error) {
	p, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return 0, err
	}
	socket := ""
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		data, err := os.ReadFile(table)
		if err != nil {
			return 0, err
		}
		for line := range strings.Lines(string(data)) {
			f := strings.Fields(line)
			if len(f) > 9 && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", p)) && f[3] == "0A" {
				socket = "socket:[" + f[9] + "]"
			}
		}
	}
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return 0, err
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && to == socket {
			return strconv.Atoi(strings.Split(link, "/")[2])
		}
	}
	return 0, fmt.Errorf("no process of this machine listens on port %s", port)
}

// disk returns the size of the files of the node, in MiB.
func (n *node) disk() int {
	var size int64
	// Files may be deleted meanwhile.
	_ = filepath.WalkDir(n.options.dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil //nolint:nilerr // counts what can be read
		}
		if info, err := e.Info(); err == nil {
			size += info.Size()
		}
		return nil
	})
	return int(size >> 20)
}

// drop deletes queues and exchanges with their messages.
func (n *node) drop(queues, exchanges []string) error {
	conn, err := amqp.Dial(n.url)
	if err != nil {
		return err
	}
	var errs []error
	ch, err := conn.Channel()
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	for _, q := range queues {
		_, err := ch.QueueDelete(q, false, false, false)
		errs = append(errs, err)
	}
	for _, x := range exchanges {
		errs = append(errs, ch.ExchangeDelete(x, false, false))
	}
	return errors.Join(append(errs, conn.Close())...)
}
