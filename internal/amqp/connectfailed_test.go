package amqp_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
)

// The connector tries again after each panic.
func TestAConnectorSurvivesPanicsOfConfiguredFunctions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		attempts, reports := 0, 0
		r := run(t, amqp.Config{
			URL: "amqp://localhost/", StartupTimeout: -1,
			Credentials: func(context.Context) (user, password string, err error) {
				attempts++
				panic("no credentials")
			},
			OnConnectFailed: func(string, error) {
				reports++
				panic("no report")
			},
		}, nil)
		time.Sleep(150 * time.Second)
		synctest.Wait()
		if _, err := r.Current(); attempts < 3 || reports != 3 || err == nil || !strings.Contains(err.Error(), "panic: no credentials") {
			t.Errorf("%d attempts, %d reports and the error %v; want more attempts, 3 reports and the panic", attempts, reports, err)
		}
	})
}

// TestFailedAttemptsToConnectAreReported with their cause: the first one, and then one a
// minute.
func TestFailedAttemptsToConnectAreReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var reports []time.Duration
		began := time.Now()
		run(t, amqp.Config{
			URL: "amqp://localhost/", StartupTimeout: -1,
			Dial: func(context.Context, string, string) (net.Conn, error) { return nil, syscall.ECONNREFUSED },
			OnConnectFailed: func(role string, err error) {
				reports = append(reports, time.Since(began))
				if role != "test" || !errors.Is(err, syscall.ECONNREFUSED) {
					t.Errorf("reported %q and %v, want the role and the cause", role, err)
				}
			},
		}, nil)
		time.Sleep(150 * time.Second)
		synctest.Wait()
		if len(reports) != 3 || reports[0] != 0 || reports[1] < time.Minute || reports[2] < reports[1]+time.Minute {
			t.Errorf("reports after %v, want one at once and then one a minute", reports)
		}
	})
}
