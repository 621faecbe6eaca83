package kubernetes

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/warren-mq/warren/runner/internal/config"
)

// monitor returns the settings of the ServiceMonitor, and why it is disabled.
func monitor(c *config.Config, a Admin) (Monitor, []string) {
	needs := c.Needs()
	m := Monitor{Interval: "15s", TokenKey: cmp.Or(needs.Key("admin.metrics_token"), needs.Key("admin.token"))}
	switch {
	case !c.Telemetry.Prometheus:
		return m, nil
	case !a.Reachable:
		return m, []string{"no ServiceMonitor: admin.listen is on loopback, where Prometheus cannot scrape it; the probes are commands"}
	case m.TokenKey == "":
		return m, []string{"no ServiceMonitor: admin.token is not a single variable or file"}
	}
	m.Enabled = true
	return m, nil
}

const (
	minCooldown      = 5 * time.Minute
	maxStabilization = time.Hour        // which Kubernetes allows
	longTimeout      = 30 * time.Minute // RabbitMQ's consumer timeout, for handlers without a timeout
)

// keda returns the settings of the ScaledObject, and why it is disabled.
func keda(c *config.Config, o Options) (Keda, []string) {
	cooldown := cooldown(c)
	k := Keda{
		MinReplicas: 1, MaxReplicas: o.Max, CooldownSeconds: int(cooldown.Seconds()),
		StabilizationSeconds: int(min(cooldown, maxStabilization).Seconds()), HostKeys: []string{}, Triggers: []Trigger{},
	}
	var hints []string
	for _, q := range c.Queues {
		key := c.Needs().Key(managementOf(c, q.Broker))
		switch {
		case q.PerProcess, q.SingleActive, q.Type == "stream":
			continue // further processes do not handle its messages
		case key == "":
			hints = append(hints, fmt.Sprintf("no trigger of KEDA for the queue %s: management_url of its broker is missing, or is not a single variable or file", q.Name))
			continue
		}
		t := Trigger{Queue: q.Name, VHost: o.VHost, Messages: prefetch(q), HostKey: key}
		if q.Partitions > 0 { // its messages wait in them
			t.Queue, t.Regex = "^"+regexp.QuoteMeta(q.Name)+`(\.partition\.[0-9]+)?$`, true
			hints = append(hints, aboutPartitions(q, o.Max)...)
		}
		k.Triggers = append(k.Triggers, t)
		if !slices.Contains(k.HostKeys, key) {
			k.HostKeys = append(k.HostKeys, key)
		}
	}
	k.Enabled = len(k.Triggers) > 0
	return k, hints
}

// aboutPartitions returns a hint if there may be more pods than partitions.
func aboutPartitions(q config.Queue, most int) []string {
	if most <= q.Partitions {
		return nil
	}
	return []string{fmt.Sprintf("the queue %s has %d partitions, so more than %d pods do not handle its messages faster: see --max-replicas", q.Name, q.Partitions, q.Partitions)}
}

// managementOf returns the path of the management_url of a broker.
func managementOf(c *config.Config, broker string) string {
	if i := slices.IndexFunc(c.Brokers, func(b config.Broker) bool { return b.Name == broker }); i >= 0 {
		return fmt.Sprintf("brokers.%d.management_url", i)
	}
	return "broker.management_url"
}

// prefetch returns how many messages of a queue one process takes at a time.
func prefetch(q config.Queue) int {
	if q.MaxPriority > 0 {
		return cmp.Or(q.Prefetch, q.AtOnce())
	}
	return cmp.Or(q.Prefetch, 2*q.AtOnce())
}

// cooldown returns a pause that is longer than the timeout of each handler, so that no pod is
// removed because of a short pause in the work.
func cooldown(c *config.Config) time.Duration {
	longest := time.Duration(0)
	for _, q := range c.Queues {
		if q.Timeout < 0 {
			longest = longTimeout
		}
		longest = max(longest, time.Duration(q.Timeout))
	}
	return max(minCooldown, (longest + time.Minute).Truncate(time.Second))
}

// about returns hints on what needs more than a runner in a pod that writes no files.
func about(c *config.Config) (hints []string) {
	for _, q := range c.Queues {
		for _, h := range q.Handlers {
			if kind := h.Kind(); kind == "exec" || kind == "persistent" || kind == "go" {
				hints = append(hints, fmt.Sprintf("the queue %s has a handler %s: %s", q.Name, kind, needsOf(kind)))
				break
			}
		}
	}
	hints = append(hints, aboutBodies(c)...)
	if file := c.Admin.ConsoleNotes; file != "" {
		hints = append(hints, fmt.Sprintf("the console keeps notes in %s: mount a volume for its folder, which each pod has for itself and the user 65532 may write to", file))
	}
	for _, at := range c.Needs().Plain {
		hints = append(hints, at+" is written in the file, which becomes a ConfigMap; if it is secret, want ${NAME} or {file: PATH}")
	}
	return hints
}

// aboutBodies returns hints on the files and stores of bodies, which the pods lack.
func aboutBodies(c *config.Config) (hints []string) {
	var files []string
	for _, codec := range c.Codecs {
		for _, schema := range codec.Schemas {
			files = append(files, schema.File)
		}
		switch claim := codec.Claim; {
		case claim == nil:
		case claim.Dir != "":
			hints = append(hints, fmt.Sprintf("the codec %s keeps bodies in %s: mount a volume there that all pods share", codec.Name, claim.Dir))
		case claim.S3 != nil:
			hints = append(hints, fmt.Sprintf("the codec %s keeps bodies in S3: give the pods its credentials, by their service account or by the variables AWS_…", codec.Name))
		}
	}
	for _, q := range c.Queues {
		for _, h := range q.Handlers {
			if h.Schema != "" {
				files = append(files, h.Schema)
			}
		}
	}
	slices.Sort(files)
	for _, file := range slices.Compact(files) {
		hints = append(hints, "the image must contain the schema "+file)
	}
	return hints
}

func needsOf(kind string) string {
	needs := []string{"add its connections to networkPolicy.egress"}
	if kind != "go" {
		needs = append([]string{"the image must contain its command"}, needs...)
	}
	return strings.Join(needs, ", and ")
}
