package rabbit

import (
	"net/url"
	"testing"
	"time"
)

// Node is a broker of a test's own, to be stopped, killed and reconfigured at will.
// Its methods must not be called at the same time; where one cannot do its work, the
// test fails.
type Node interface {
	// URL is the node's AMQP URL, which stays the same across restarts.
	URL() string
	// Kill ends the node without a word to its clients and returns when it is gone.
	// Whether its data stay: see NeedsDisk.
	Kill(tb testing.TB)
	// Stop ends the node in good order and returns when it is gone.
	Stop(tb testing.TB)
	// Restart starts the node again on the same port and returns when it takes
	// connections. A node still running is stopped in good order first.
	Restart(tb testing.TB)
	// Settle makes the node write to disk what it keeps back. Until a few seconds after
	// its declaration a queue may be forgotten by a killed node, confirmed messages
	// included: RabbitMQ 3.10 forgot 5 new quorum queues of 5, and 0 of 5 after Settle.
	Settle(tb testing.TB)

	// CloseConnections has the node close all connections, with code 320 and a reason.
	CloseConnections(tb testing.TB, reason string)
	// Block raises the memory alarm: the node takes no messages until Unblock.
	Block(tb testing.TB)
	// Unblock ends what Block began.
	Unblock(tb testing.TB)
	// ConsumerTimeout bounds how long a delivery may wait for its ack, until the test
	// ends. A node in memory is restarted for it.
	ConsumerTimeout(tb testing.TB, d time.Duration)
	// LimitMessages bounds the body of a message, in bytes, on channels opened from now
	// on. Messages in queues stay.
	LimitMessages(tb testing.TB, bytes int)
	// LimitConnections bounds the connections of the virtual host; 0 removes the limit.
	LimitConnections(tb testing.TB, n int)
	// Permit adds a user, with the regular expressions of what it may do, and returns
	// the user's URL. A node in memory is restarted for it.
	Permit(tb testing.TB, u User) (url string)
	// SetPermissions replaces the permissions of a user that Permit added. Connections stay.
	SetPermissions(tb testing.TB, u User)
	// ChangePassword changes the password of a user that Permit added, and closes all
	// connections. A node in memory is restarted for it.
	ChangePassword(tb testing.TB, user, password string)
	// Clients returns the client properties of each connection, as the node prints them.
	Clients(tb testing.TB) []string
	// Import has the node read a file of definitions.
	Import(tb testing.TB, definitions []byte)
}

// User is a user of a Node, with the permissions that it has in the virtual host /.
type User struct{ Name, Password, Configure, Write, Read string }

// url is the node's URL at which the user logs in.
func (u User) url(tb testing.TB, node string) string {
	tb.Helper()
	at, err := url.Parse(node)
	if err != nil {
		tb.Fatalf("rabbit: the URL of a node: %v", err)
	}
	at.User = url.UserPassword(u.Name, u.Password)
	return at.String()
}

// Start starts a node for the test and removes it when the test ends: a RabbitMQ, or
// a devbroker if that is what AMQP_URL names.
func Start(tb testing.TB) Node {
	tb.Helper()
	return startFor(tb, setup{})
}

// StartMain is Start for a TestMain: one node for all tests of a package, which the
// caller removes in the end. Nodes of a test binary that died are removed by
// scripts/rabbitmq run.
func StartMain() (n Node, remove func() error, err error) { return start(setup{}) }

// NeedsDisk skips the test if nodes do not keep their data when they are killed.
func NeedsDisk(tb testing.TB) {
	tb.Helper()
	if _, inMemory := embeddedVersion(); inMemory {
		tb.Skip("devbroker keeps nothing on disk")
	}
}

// Scaled is how much of n a test needs: all of it on a broker that could lose it, a
// tenth on one in memory, where only the client's own bookkeeping is tried.
func Scaled(n int) int {
	if _, inMemory := embeddedVersion(); inMemory {
		return n / 10
	}
	return n
}

// setup is what a node has besides the defaults.
type setup struct {
	tls   *Certificates // for TLS connections; none if nil
	users []user        // besides guest; may do everything
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
