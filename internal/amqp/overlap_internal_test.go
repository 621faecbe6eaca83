package amqp

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// behind returns a dialer for a host name with the addresses: one that begins with 10
// drops what is sent, one that begins with 11 refuses it, and the others answer.
func behind(addresses ...string) *tcp {
	return &tcp{
		lookup: func(context.Context, string) ([]string, error) { return addresses, nil },
		dial: func(ctx context.Context, _, address string) (net.Conn, error) {
			switch {
			case strings.HasPrefix(address, "10."):
				<-ctx.Done()
				return nil, context.Cause(ctx)
			case strings.HasPrefix(address, "11."):
				return nil, syscall.ECONNREFUSED
			}
			near, far := net.Pipe()
			_ = far.Close()
			return near, nil
		},
	}
}

func TestAddressesOfOneHostNameThatDoNotAnswerDelayAConnectBriefly(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		addresses []string
		took      time.Duration
	}{
		"one that answers":          {[]string{"192.0.2.1"}, 0},
		"one that refuses":          {[]string{"11.0.0.1", "192.0.2.1"}, 0},
		"one that drops":            {[]string{"10.0.0.1", "192.0.2.1"}, headStart},
		"three before one that is":  {[]string{"10.0.0.1", "10.0.0.2", "10.0.0.3", "192.0.2.1"}, 3 * headStart},
		"one that drops comes last": {[]string{"192.0.2.1", "10.0.0.1"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				began := time.Now()
				conn, err := behind(tt.addresses...).DialContext(ctx, "tcp", "rabbit.example:5672")
				if err != nil || time.Since(began) != tt.took {
					t.Fatalf("got %v after %v, want a connection after %v", err, time.Since(began), tt.took)
				}
				if err := conn.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestAConnectNamesWhatEveryAddressSaid(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := behind("11.0.0.1", "10.0.0.1").DialContext(ctx, "tcp", "rabbit.example:5672")
		if !errors.Is(err, syscall.ECONNREFUSED) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want what both addresses said", err)
		}
	})
}
