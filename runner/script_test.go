package runner_test

import (
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/runner"
)

// TestMain is the runner itself where a script calls it.
func TestMain(m *testing.M) {
	testscript.Main(tidy{m}, map[string]func(){"runner": func() { runner.Main() }})
}

// tidy fails if the tests leave goroutines behind.
type tidy struct{ *testing.M }

func (m tidy) Run() int {
	code := m.M.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// TestScripts runs the scripts of testdata/script, each with a runner of its own. They
// share the broker of AMQP_URL, if that is a RabbitMQ, and so have $ID in all names;
// otherwise each has a devbroker.
func TestScripts(t *testing.T) {
	t.Parallel()
	shared := ""
	if strings.HasPrefix(os.Getenv("AMQP_URL"), "amqp") {
		shared = rabbit.URL(t)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			e.Values[devbrokerKey{}] = new(*devbroker.Broker)
			url, err := brokerFor(e, shared)
			if err != nil {
				return err
			}
			address, err := freeAddress()
			e.Setenv("AMQP_URL", url)
			e.Setenv("ID", strings.ToLower(rand.Text()[:8]))
			e.Setenv("WARREN_ADMIN_LISTEN", address)
			e.Setenv("WARREN_SCHEDULER_NAME", e.Getenv("ID"))
			return err
		},
		Cmds: commands(),
	})
}

// brokerFor is the URL of the script's broker: the shared one, or a devbroker of the
// version that AMQP_URL says.
func brokerFor(e *testscript.Env, shared string) (string, error) {
	if shared != "" {
		return shared, nil
	}
	_, version, _ := strings.Cut(os.Getenv("AMQP_URL"), ":")
	b, err := devbroker.Start(devbroker.Config{Version: version})
	if err != nil {
		return "", err
	}
	e.Defer(func() {
		if err := b.Close(); err != nil {
			e.T().Fatal(err)
		}
	})
	return b.URL(), nil
}

// freeAddress is of a port that was free a moment ago.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
