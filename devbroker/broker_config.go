package devbroker

import (
	"cmp"
	"crypto/tls"
	"net"
	"slices"
	"time"

	"github.com/warren-mq/warren/internal/check"
)

// Config configures a Broker. The zero value means RabbitMQ 4.3 on a free port of
// 127.0.0.1, with the user guest and the virtual host /.
type Config struct {
	// Addr is the address on which Start listens. Empty means a free port of 127.0.0.1.
	// If Users is empty, Addr must be a loopback address.
	Addr string
	// Version is the version of RabbitMQ to imitate: 3.10, 4.0 or 4.3. Empty means 4.3.
	Version string
	// Users are the users that may log in. Empty means guest, with the password guest.
	Users []User
	// VHosts are the virtual hosts. Empty means the virtual host /.
	VHosts []string
	// TLS, if set, makes Start listen for TLS. A client with a verified certificate may
	// log in with SASL EXTERNAL, without a password: the user is the common name.
	TLS *tls.Config
	// MemoryLimit is the size of all messages, in bytes, above which publishers are
	// blocked, as by RabbitMQ's memory alarm. Zero means 256 MiB.
	MemoryLimit int64
	// MaxMessageSize is the largest body of a message, in bytes. Zero means the limit of
	// the RabbitMQ version: 128 MiB on 3.10, 16 MiB on 4.0 and 4.3.
	MaxMessageSize int
	// FrameMax is the largest frame offered to clients, in bytes. Zero means 131072.
	FrameMax uint32
	// ChannelMax is how many channels a connection may have. Zero means 2047.
	ChannelMax uint16
	// Heartbeat is the interval offered to clients, in whole seconds. Zero means 60 s. A
	// negative value disables heartbeats.
	Heartbeat time.Duration
	// ConsumerTimeout is how long a delivery may stay unacknowledged. Zero means 30
	// minutes. A negative value disables the timeout.
	ConsumerTimeout time.Duration
}

// Validate returns one error that lists every invalid field of c, or nil.
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
