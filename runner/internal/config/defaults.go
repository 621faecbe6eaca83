package config

import (
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/warren-mq/warren/topology"
)

// defaults returns the defaults of the settings outside of lists.
func defaults() *Config {
	return &Config{
		Broker:    defaultBroker(),
		Scheduler: Scheduler{Name: "runner", Renew: Duration(time.Minute)},
		Admin:     Admin{Listen: "127.0.0.1:8081", Console: "read"},
		Fleet:     Fleet{Announce: true},
		Log:       Log{Level: "info", Format: "text"},
		Telemetry: Telemetry{ServiceName: "runner", Prometheus: true},
		Grace:     Limit(30 * time.Second),
	}
}

func defaultBroker() Broker {
	return Broker{
		Heartbeat: Duration(10 * time.Second), DialTimeout: Duration(10 * time.Second),
		StartupTimeout: Limit(30 * time.Second), PublishTimeout: Limit(30 * time.Second), Topology: "manage",
	}
}

// UnmarshalYAML begins with the defaults. It is called for an item of brokers.
func (b *Broker) UnmarshalYAML(n *yaml.Node) error {
	type plain Broker
	*b = defaultBroker()
	return n.Decode((*plain)(b))
}

// UnmarshalYAML begins with the defaults.
func (e *Exchange) UnmarshalYAML(n *yaml.Node) error {
	type plain Exchange
	*e = Exchange{Type: "topic"}
	return n.Decode((*plain)(e))
}

// UnmarshalYAML begins with the defaults.
func (q *Queue) UnmarshalYAML(n *yaml.Node) error {
	type plain Queue
	*q = Queue{
		Concurrency: 1, Timeout: Limit(time.Minute), MaxBodyBytes: 16 << 20, Retry: Retry{
			MaxAttempts: 20, InitialInterval: Duration(time.Second), Multiplier: 2,
			MaxInterval: Duration(10 * time.Minute), RandomizationFactor: 0.2,
		},
	}
	var kind struct {
		Delays string `yaml:"delays"`
	}
	if err := n.Decode(&kind); err == nil && kind.Delays == topology.Native {
		q.Retry.Multiplier, q.Retry.RandomizationFactor = 0, 0 // the broker's pauses grow by the same time
	}
	return n.Decode((*plain)(q))
}

// UnmarshalYAML begins with the defaults.
func (s *Schedule) UnmarshalYAML(n *yaml.Node) error {
	type plain Schedule
	*s = Schedule{Timezone: "UTC", Missed: "once", Tolerance: Duration(time.Minute)}
	return n.Decode((*plain)(s))
}

// UnmarshalYAML begins with the defaults.
func (e *Exec) UnmarshalYAML(n *yaml.Node) error {
	type plain Exec
	*e = Exec{KillDelay: Limit(5 * time.Second)}
	return n.Decode((*plain)(e))
}

// UnmarshalYAML begins with the defaults.
func (p *Persistent) UnmarshalYAML(n *yaml.Node) error {
	type plain Persistent
	*p = Persistent{KillDelay: Limit(5 * time.Second), MaxAnswerBytes: 64 << 10}
	return n.Decode((*plain)(p))
}

// UnmarshalYAML begins with the defaults.
func (w *Webhook) UnmarshalYAML(n *yaml.Node) error {
	type plain Webhook
	*w = Webhook{
		Timeout: Duration(30 * time.Second), DialTimeout: Duration(10 * time.Second),
		TLSTimeout: Duration(10 * time.Second), MaxRetryAfter: Duration(time.Hour),
	}
	return n.Decode((*plain)(w))
}

// UnmarshalYAML begins with the defaults.
func (l *LogLine) UnmarshalYAML(n *yaml.Node) error {
	type plain LogLine
	*l = LogLine{Level: "info", MaxBodyBytes: 1 << 10}
	return n.Decode((*plain)(l))
}
