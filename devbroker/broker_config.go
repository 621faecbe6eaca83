package devbroker

import (
	"cmp"
	"crypto/tls"
	"net"
	"slices"
	"time"

	"github.com/warren-mq/warren/internal/check"
)

// Config says what a Broker is like. The zero value is RabbitMQ 4.3 on a free port
// of 127.0.0.1, with the user guest and the virtual host /.
type Config struct {
	// Addr is where Start listens; a free port of 127.0.0.1 if empty. An address
	// that others can reach is refused while Users is empty.
	Addr string
	// Version is the RabbitMQ to behave like: 3.10, 4.0 or 4.3; 4.3 if empty.
	Version string
	// Users may log in; guest, with the password guest, if there are none.
	Users []User
	// VHosts are the virtual hosts; / if there are none.
	VHosts []string
	// TLS, if set, makes Start listen for TLS. A client's certificate that it
	// verifies may stand for a password: by SASL EXTERNAL, the user is its common name.
	TLS *tls.Config
	// MemoryLimit is how many bytes of messages are held before publishers are
	// blocked, as by RabbitMQ's memory alarm; 256 MiB if zero.
	MemoryLimit int64
	// MaxMessageSize bounds the body of a message, in bytes; as the version of
	// RabbitMQ has it if zero: 128 MiB on 3.10, 16 MiB since.
	MaxMessageSize int
	// FrameMax is the largest frame offered to clients, in bytes; 131072 if zero.
	FrameMax uint32
	// ChannelMax is how many channels a connection may have; 2047 if zero.
	ChannelMax uint16
	// Heartbeat is offered to clients, in whole seconds; 60s if zero, none if negative.
	Heartbeat time.Duration
	// ConsumerTimeout is how long a delivery may stay without an answer; 30 minutes
	// if zero, for ever if negative.
	ConsumerTimeout time.Duration
}

// Validate reports everything that is wrong with c, in one error.
func (c Config) Validate() error {
	d := c.withDefaults()
	f := check.Of("devbroker")
	gen, known := generations[d.Version]
	f.Addf(!known, "Version is %q, want 3.10, 4.0 or 4.3", c.Version)
	f.Addf(d.MemoryLimit < 0, "MemoryLimit is %d, want 0 or more", c.MemoryLimit)
	f.Addf(d.MaxMessageSize < 0, "MaxMessageSize is %d, want 0 or more", c.MaxMessageSize)
	f.Addf(d.FrameMax < gen.minFrame, "FrameMax is %d, want %d or more", c.FrameMax, gen.minFrame)
	f.Addf(d.Heartbeat > 0 && d.Heartbeat%time.Second != 0 || d.Heartbeat > 65535*time.Second,
		"Heartbeat is %v, want whole seconds up to 65535", c.Heartbeat)
	f.Addf(slices.Contains(d.VHosts, ""), "VHosts has an empty name")
	host, _, err := net.SplitHostPort(d.Addr)
	f.Addf(err != nil, "Addr is %q, want host:port: %v", c.Addr, err)
	f.Addf(err == nil && len(c.Users) == 0 && !loopback(host),
		"Addr is %q, which others can reach: name Users, or listen on 127.0.0.1", c.Addr)
	names := map[string]bool{}
	for _, u := range d.Users {
		f.Addf(names[u.Name], "there are two Users %q", u.Name)
		names[u.Name] = true
		f.Add(u.validate()...)
	}
	return f.Err()
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (c Config) withDefaults() Config {
	c.Addr = cmp.Or(c.Addr, "127.0.0.1:0")
	c.Version = cmp.Or(c.Version, "4.3")
	if len(c.Users) == 0 {
		c.Users = []User{{Name: "guest", Password: "guest"}}
	}
	if len(c.VHosts) == 0 {
		c.VHosts = []string{"/"}
	}
	c.MemoryLimit = cmp.Or(c.MemoryLimit, 256<<20)
	c.MaxMessageSize = cmp.Or(c.MaxMessageSize, generations[c.Version].maxMessage)
	c.FrameMax = cmp.Or(c.FrameMax, 131072)
	c.ChannelMax = cmp.Or(c.ChannelMax, 2047)
	c.Heartbeat = cmp.Or(c.Heartbeat, time.Minute)
	c.ConsumerTimeout = cmp.Or(c.ConsumerTimeout, 30*time.Minute)
	return c
}
