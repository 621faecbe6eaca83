package broker

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"

	"github.com/warren-mq/warren/devbroker"
)

// Embedded is the URL of a broker in this process: in memory, for development. All
// that name it share one, which begins with the first connection and is gone, with all
// its messages, when the process ends.
const Embedded = "embedded:"

// embeddedHost stands for the embedded broker where amqp091 wants a host.
const embeddedHost = "embedded.invalid"

// resolve makes an AMQP URL of Embedded.
func resolve(rawURL string) string {
	if rawURL == Embedded {
		return "amqp://guest:guest@" + embeddedHost + "/"
	}
	return rawURL
}

// embedded starts the broker in this process, once.
var embedded = sync.OnceValues(func() (*devbroker.Broker, error) {
	fmt.Fprintln(os.Stderr, "warren: no RabbitMQ is configured, so this process uses its embedded broker:"+
		" in memory, for development and tests, gone when the process ends")
	return devbroker.Pipe(devbroker.Config{})
})

// dialTransport opens a TCP connection, or one to the broker in this process.
func dialTransport(ctx context.Context, network, address string) (net.Conn, error) {
	if host, _, err := net.SplitHostPort(address); err != nil || host != embeddedHost {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	b, err := embedded()
	if err != nil {
		return nil, err
	}
	return b.DialContext(ctx, network, address)
}
