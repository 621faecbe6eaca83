package rabbit

import (
	"net/url"
	"testing"
	"time"
)

// Node is a broker for one test, which may stop, kill and reconfigure it. Its methods fail the
// test if they fail. They are not safe for concurrent use.
type Node interface {
	// URL returns the node's AMQP URL, which stays the same across restarts.
	URL() string
	// Kill kills the node without closing its connections, and returns when it has ended.
	// NeedsDisk skips tests on nodes that lose their data then.
	Kill(tb testing.TB)
	// Stop shuts down the node, and returns when it has ended.
	Stop(tb testing.TB)
	// Restart starts the node again on the same port, and returns when it accepts
	// connections. It shuts down a running node first.
	Restart(tb testing.TB)
	// Settle makes the node write its buffers to disk. For a few seconds after a queue is
	// declared, a killed node may lose it with its confirmed messages: RabbitMQ 3.10 lost 5
	// of 5 new quorum queues, and 0 of 5 after Settle.
	Settle(tb testing.TB)

	// CloseConnections closes all connections from the node, with code 320 and the reason.
	CloseConnections(tb testing.TB, reason string)
	// Block raises the memory alarm: the node blocks publishers until Unblock.
	Block(tb testing.TB)
	// Unblock clears the alarm of Block.
	Unblock(tb testing.TB)
	// ConsumerTimeout sets the time limit for the ack of a delivery, until the test ends.
	// It restarts a node in memory.
	ConsumerTimeout(tb testing.TB, d time.Duration)
	// LimitMessages limits the body of a message, in bytes, on channels opened from now on.
	// Messages in queues are kept.
	LimitMessages(tb testing.TB, bytes int)
	// LimitConnections limits the connections of the virtual host. 0 removes the limit.
	LimitConnections(tb testing.TB, n int)
	// Permit adds a user with its permissions, and returns the user's URL. It restarts a
	// node in memory.
	Permit(tb testing.TB, u User) (url string)
	// PermitAll is Permit for several users, which takes no longer than for one.
	PermitAll(tb testing.TB, users []User)
	// SetPermissions replaces the permissions of a user that Permit added. It keeps
	// connections open.
	SetPermissions(tb testing.TB, u User)
	// ChangePassword changes the password of a user that Permit added, and closes all
	// connections. It restarts a node in memory.
	ChangePassword(tb testing.TB, user, password string)
	// Clients returns the client properties of each connection, as the node prints them.
	Clients(tb testing.TB) []string
	// Policy sets a policy for queues. The definition is JSON. A node in memory has no policies:
	// the test is skipped.
	Policy(tb testing.TB, name, pattern string, priority int, definition string)
	// Import imports a file of definitions into the node.
	Import(tb testing.TB, definitions []byte)
}

// User is a user of a Node, with its permissions in the virtual host / as regular expressions.
type User struct{ Name, Password, Configure, Write, Read string }

// url returns the node's URL with the user's name and password.
func (u User) url(tb testing.TB, node string) string {
	tb.Helper()
	at, err := url.Parse(node)
	if err != nil {
		tb.Fatalf("rabbit: the URL of a node: %v", err)
	}
	at.User = url.UserPassword(u.Name, u.Password)
	return at.String()
}

// Start returns a node for the test alone, until the test ends. The node is a devbroker if AMQP_URL
// selects one, and a RabbitMQ otherwise, which another test may have used before.
func Start(tb testing.TB) Node {
	tb.Helper()
	return startFor(tb, setup{})
}

// NeedsDisk skips the test if killed nodes lose their data.
func NeedsDisk(tb testing.TB) {
	tb.Helper()
	if _, inMemory := embeddedVersion(); inMemory {
		tb.Skip("devbroker keeps nothing on disk")
	}
}

// NeedsStreams skips the test on a broker without streams.
func NeedsStreams(tb testing.TB) {
	tb.Helper()
	if _, inMemory := embeddedVersion(); inMemory {
		tb.Skip("devbroker has no streams")
	}
}

// Scaled returns the number of messages for a test: n on a RabbitMQ, and a tenth of it on a
// broker in memory, where only the client can lose messages.
func Scaled(n int) int {
	if _, inMemory := embeddedVersion(); inMemory {
		return n / 10
	}
	return n
}

// setup holds the settings of a node that differ from the defaults.
type setup struct {
	tls   *Certificates // for TLS connections; none if nil
	users []user        // besides guest, with all permissions
}

type user struct{ name, password string }

func startFor(tb testing.TB, s setup) Node {
	tb.Helper()
	n, remove, err := start(s)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := remove(); err != nil {
			tb.Error(err)
		}
	})
	return n
}

func start(s setup) (n Node, remove func() error, err error) {
	if version, ok := embeddedVersion(); ok {
		return startEmbedded(version, s)
	}
	return startProcess(s)
}
