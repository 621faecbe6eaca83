package config_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/warren-mq/warren/runner/internal/config"
)

const severalBrokers = `
broker: {url: "amqp://a"}
brokers:
  - {name: blue, url: "amqp://b/blue", heartbeat: 5s}
  - {name: green, url: "amqp://b/green"}
  - {name: idle, url: "amqp://b/idle"}
exchanges: [{name: events}, {name: orders}, {name: unused}]
queues:
  - {name: plain, exchange: events, handlers: [{key: a, log: {}}]}
  - {name: mail, broker: blue, exchange: events, handlers: [{key: a, log: {}}]}
  - {name: copies, broker: blue, handlers: [{key: copies, forward: {broker: green, exchange: orders}}]}
schedules: [{name: nightly, broker: blue, cron: "@daily", key: mail}]
`

// TestAConfigurationIsDividedByBroker: each part has the queues, schedules and exchanges of one
// broker.
func TestAConfigurationIsDividedByBroker(t *testing.T) {
	t.Parallel()
	c := load(t, config.Source{LookupEnv: unset, Data: []byte(severalBrokers)})
	if got, want := c.BrokerNames(), []string{"", "blue", "green"}; !slices.Equal(got, want) {
		t.Errorf("the brokers in use are %q, want %q", got, want)
	}
	for name, want := range map[string]string{
		"":      "amqp://a 10s [plain] [] [events unused]",
		"blue":  "amqp://b/blue 5s [mail copies] [nightly] [events]",
		"green": "amqp://b/green 10s [] [] [orders]",
		"idle":  "amqp://b/idle 10s [] [] []",
	} {
		part := c.Of(name)
		url, err := part.Broker.URL.Reveal()
		queues, schedules, exchanges := []string{}, []string{}, []string{}
		for _, q := range part.Queues {
			queues = append(queues, q.Name)
		}
		for _, s := range part.Schedules {
			schedules = append(schedules, s.Name)
		}
		for _, e := range part.Exchanges {
			exchanges = append(exchanges, e.Name)
		}
		got := fmt.Sprint(url, " ", part.Broker.Heartbeat, " ", queues, " ", schedules, " ", exchanges)
		if err != nil || got != want || part.Of("") != part {
			t.Errorf("the part of %q is %s, want %s: %v", name, got, want, err)
		}
	}
	if c.Of("red") != nil {
		t.Error("there is a part for a broker that does not exist")
	}
}

// TestAConfigurationWithOneBrokerIsItsOwnPart.
func TestAConfigurationWithOneBrokerIsItsOwnPart(t *testing.T) {
	t.Parallel()
	c := load(t, config.Source{LookupEnv: unset, Data: []byte(`queues: [{name: q, handlers: [{key: a, log: {}}]}]`)})
	if c.Of("") != c || !slices.Equal(c.BrokerNames(), []string{""}) {
		t.Errorf("the brokers are %q, want the setting broker alone", c.BrokerNames())
	}
}
