package devbroker_test

import (
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/devbroker"
)

func TestConfigThatIsAccepted(t *testing.T) {
	t.Parallel()
	me := []devbroker.User{{Name: "me"}}
	for name, cfg := range map[string]devbroker.Config{
		"nothing is said":                          {},
		"each version":                             {Version: "3.10"},
		"loopback by its name":                     {Addr: "localhost:0"},
		"loopback of IPv6":                         {Addr: "[::1]:0"},
		"another address of loopback":              {Addr: "127.1.2.3:5672"},
		"an address for others, with users":        {Addr: "0.0.0.0:0", Users: me},
		"every address, with users":                {Addr: ":0", Users: me},
		"no heartbeat and no consumer timeout":     {Heartbeat: -1, ConsumerTimeout: -1},
		"the longest heartbeat that AMQP can tell": {Heartbeat: 65535 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := cfg.Validate(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestConfigThatIsRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		cfg  devbroker.Config
		want string
	}{
		"a version that is not known":            {devbroker.Config{Version: "4.1"}, `Version is "4.1", want 3.10, 4.0 or 4.3`},
		"an address without a port":              {devbroker.Config{Addr: "127.0.0.1"}, `Addr is "127.0.0.1", want host:port`},
		"every address, without users":           {devbroker.Config{Addr: ":5672"}, `Addr is ":5672", which others can reach`},
		"an address for others, without users":   {devbroker.Config{Addr: "0.0.0.0:5672"}, `Addr is "0.0.0.0:5672", which others can reach`},
		"a name for others, without users":       {devbroker.Config{Addr: "example.org:5672"}, `which others can reach`},
		"less memory than none":                  {devbroker.Config{MemoryLimit: -1}, "MemoryLimit is -1, want 0 or more"},
		"messages smaller than empty":            {devbroker.Config{MaxMessageSize: -1}, "MaxMessageSize is -1, want 0 or more"},
		"frames smaller than AMQP allows":        {devbroker.Config{Version: "3.10", FrameMax: 4095}, "FrameMax is 4095, want 4096 or more"},
		"frames smaller than the version allows": {devbroker.Config{Version: "4.3", FrameMax: 4096}, "FrameMax is 4096, want 8192 or more"},
		"a heartbeat that AMQP cannot tell":      {devbroker.Config{Heartbeat: 65536 * time.Second}, "Heartbeat is 18h12m16s, want"},
		"a heartbeat of less than a second":      {devbroker.Config{Heartbeat: time.Second / 2}, "Heartbeat is 500ms, want"},
		"a user without a name":                  {devbroker.Config{Users: []devbroker.User{{}}}, "user has no name"},
		"two users of one name":                  {devbroker.Config{Users: []devbroker.User{{Name: "a"}, {Name: "a"}}}, `two Users "a"`},
		"a pattern that is none":                 {devbroker.Config{Users: []devbroker.User{{Name: "a", Read: "("}}}, `user "a": error parsing regexp`},
		"a virtual host without a name":          {devbroker.Config{VHosts: []string{""}}, "VHosts has an empty name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tt.cfg.Validate()
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "devbroker: ") {
				t.Errorf("got %v, want %q", err, "devbroker: … "+tt.want)
			}
			for _, start := range []func(devbroker.Config) (*devbroker.Broker, error){devbroker.Pipe, devbroker.Start} {
				if b, err := start(tt.cfg); err == nil {
					t.Errorf("it starts all the same: %v", b.Close())
				}
			}
		})
	}
}

func TestConfigReportsAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	err := devbroker.Config{
		Addr: "0.0.0.0", Version: "5", MemoryLimit: -2, MaxMessageSize: -3, Heartbeat: 1,
		Users: []devbroker.User{{Configure: "[", Write: "*"}, {Name: "b", Read: "+"}},
	}.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 9 {
		t.Errorf("%d faults, want 9:\n%v", len(lines), err)
	}
	for _, line := range lines {
		if !strings.HasPrefix(line, "devbroker: ") {
			t.Errorf("%q does not begin with devbroker:", line)
		}
	}
}
