package config_test

import (
	"fmt"

	"github.com/warren-mq/warren/runner/internal/config"
)

func ExampleLoad() {
	_, err := config.Load(config.Source{Name: "config.yaml", Data: []byte(`
exchanges: [{name: events}]
queues:
  - name: welcome-email
    exchange: evnts
    prefetchh: 10
    timeout: 30
    handlers: [{key: user.signed_up, log: {}}]
`)})
	fmt.Println(err)
	// Output:
	// config.yaml:5:15: exchange is "evnts", which is not in exchanges, did you mean "events"?
	// config.yaml:6:5: unknown key "prefetchh" in queues[0], did you mean "prefetch"?
	// config.yaml:7:14: timeout is 30: want a duration of more than zero such as "30s", "1m30s" or "1h"
}
