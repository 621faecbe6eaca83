package deploy_test

import (
	"encoding/json"
	"math"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/warren-mq/warren/internal/rabbit"
)

// liveConfig has a queue with a limit whose messages succeed, one whose messages fail, one whose
// messages wait for a retry and have an adaptive limit and a breaker, and one with partitions.
const liveConfig = `
broker: {url: "URL", heartbeat: 5s, backoff: {initial_interval: 100ms, max_interval: 500ms}}
scheduler: {name: "GROUP"}
admin: {listen: "ADDRESS"}
exchanges: [{name: EVENTS}]
queues:
  - {name: OK, exchange: EVENTS, limit: {name: GROUP, concurrency: 2}, handlers: [{key: OK, log: {}}]}
  - {name: FAIL, retry: {max_attempts: 2, initial_interval: 100ms}, handlers: [{key: FAIL, exec: {command: ["false"]}}]}
  - {name: LATER, concurrency: 4, min_concurrency: 2, breaker: {failures: 1000}, retry: {max_attempts: 2, initial_interval: 45s}, handlers: [{key: LATER, exec: {command: ["false"]}}]}
  - {name: KEYED, order_by: header:key, partitions: 2, handlers: [{key: KEYED, log: {}}]}
schedules:
  - {name: ok, cron: "* * * * * *", exchange: EVENTS, key: OK}
`

const failing = `  - {name: fail, cron: "* * * * * *", key: FAIL}
`

// live is a runner that a Prometheus scrapes.
type live struct {
	runner     *process
	address    string // of the runner
	file       string // its configuration
	text       string
	prometheus string // its URL
	broker     *rabbit.Proxy
}

// fired are the alerts that an outage of the broker, dead letters and a wrong file cause.
var fired = []string{
	"WarrenDeadLetters", "WarrenManyDeadLetters", "WarrenProcessNotConsuming", "WarrenQueueNotConsumed",
	"WarrenReloadFailed", "WarrenScheduleWithoutLeader",
}

// TestARealRunUnderPrometheus scrapes a runner, cuts it off from the broker, and sees the alerts
// fire and resolve. The times and ranges of the rules are shortened to seconds.
func TestARealRunUnderPrometheus(t *testing.T) {
	rabbit.NeedsNetwork(t, "Prometheus scrapes it")
	t.Parallel()
	l := startLive(t)
	l.expressionsReturnData(t)
	l.metricsExist(t)

	l.broker.Cut()
	write(t, filepath.Dir(l.file), "config.yaml", "queues: many")
	l.runner.signal(t, syscall.SIGHUP)
	rabbit.Eventually(t, patience, func() bool { return containsAll(l.firing(t), fired) }, "these alerts fire: "+strings.Join(fired, ", "))
	l.annotationsExpand(t)

	l.broker.Restore(t)
	awaitReady(t, l.address)
	write(t, filepath.Dir(l.file), "config.yaml", l.text)
	l.runner.signal(t, syscall.SIGHUP)
	rabbit.Eventually(t, patience, func() bool { return len(l.firing(t)) == 0 }, "all alerts are resolved")
	l.runner.signal(t, syscall.SIGTERM)
	if l.runner.end(t, patience); l.runner.err != nil {
		t.Errorf("the runner ended with %v, want status 0", l.runner.err)
	}
}

func startLive(t *testing.T) *live {
	t.Helper()
	l := &live{address: freeAddress(t), broker: rabbit.NewProxy(t, rabbit.URL(t))}
	queues := []string{rabbit.Queue(t), rabbit.Queue(t), rabbit.Queue(t), rabbit.Queue(t)}
	l.text = filled(liveConfig, "URL", l.broker.URL(), "GROUP", queues[0], "ADDRESS", l.address, "EVENTS", rabbit.Queue(t), "OK", queues[0], "FAIL", queues[1], "LATER", queues[2], "KEYED", queues[3])
	l.file = write(t, t.TempDir(), "config.yaml", l.text+filled(failing, "FAIL", queues[1]))
	l.runner = start(t, command(t, "run", "-c", l.file))
	awaitReady(t, l.address)
	output(t, command(t, "publish", "-c", l.file, "", queues[2], "--data", "x"))

	dir := t.TempDir()
	write(t, dir, "rules.yml", shortened(read(t, "prometheus/warren.rules.yml")))
	write(t, dir, "prometheus.yml", filled(`
global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}
rule_files: [rules.yml]
scrape_configs: [{job_name: warren, static_configs: [{targets: ["ADDRESS"]}]}]
`, "ADDRESS", l.address))
	t.Cleanup(func() {
		if out, err := script("stop", dir).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	l.prometheus = strings.TrimSpace(output(t, script("start", dir)))
	return l
}

var (
	waits  = regexp.MustCompile(`(?m)^( +for:) .*$`)
	ranges = regexp.MustCompile(`\[(\d+[mh]|\$__rate_interval)\]`)
)

// shortened replaces the times of rules by 1 s, and their ranges by 5 s.
func shortened(rules string) string {
	return ranges.ReplaceAllString(waits.ReplaceAllString(rules, "$1 1s"), "[5s]")
}

// sample is a result of a query.
type sample struct {
	Metric map[string]string `json:"metric"`
	Value  [2]any            `json:"value"`
}

// query returns the results of an expression.
func (l *live) query(t *testing.T, expr string) []sample {
	t.Helper()
	status, body := get(l.prometheus + "/api/v1/query?query=" + url.QueryEscape(expr))
	var answer struct {
		Data struct {
			Result []sample `json:"result"`
		} `json:"data"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || status != 200 {
		t.Fatalf("query %s: status %d, %v\n%s", expr, status, err, body)
	}
	return answer.Data.Result
}

// firing returns the names of the alerts that fire.
func (l *live) firing(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, s := range l.query(t, `ALERTS{alertstate="firing"}`) {
		names = append(names, s.Metric["alertname"])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// expressionsReturnData waits until each expression of the dashboard returns a number.
func (l *live) expressionsReturnData(t *testing.T) {
	t.Helper()
	count := 0
	for _, p := range grafana(t).Panels {
		for _, target := range p.Targets {
			expr := filled(shortened(target.Expr), "$job", ".*", "$queue", ".*")
			rabbit.Eventually(t, patience, func() bool { return slices.ContainsFunc(l.query(t, expr), isNumber) }, p.Title+" returns data: "+expr)
			count++
		}
	}
	t.Logf("%d expressions of the dashboard return data", count)
}

func isNumber(s sample) bool {
	text, _ := s.Value[1].(string)
	v, err := strconv.ParseFloat(text, 64)
	return err == nil && !math.IsNaN(v) && !math.IsInf(v, 0)
}

// metricsExist checks each metric and label of the rules and the dashboard against a scrape.
func (l *live) metricsExist(t *testing.T) {
	t.Helper()
	_, text := get("http://" + l.address + "/metrics")
	scraped := parseMetrics(text)
	if len(scraped) < 50 {
		t.Fatalf("the scrape has %d metrics:\n%s", len(scraped), text)
	}
	for where, expr := range expressions(t) {
		for _, fault := range unknown(expr, scraped) {
			t.Errorf("%s: %s does not exist: %s", where, fault, expr)
		}
	}
}

// annotationsExpand checks the texts of all alerts.
func (l *live) annotationsExpand(t *testing.T) {
	t.Helper()
	_, body := get(l.prometheus + "/api/v1/alerts")
	var answer struct {
		Data struct {
			Alerts []struct {
				Labels      map[string]string `json:"labels"`
				Annotations map[string]string `json:"annotations"`
			} `json:"alerts"`
		} `json:"data"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || len(answer.Data.Alerts) == 0 {
		t.Fatalf("alerts: %v\n%s", err, body)
	}
	for _, a := range answer.Data.Alerts {
		for name, text := range a.Annotations {
			if strings.Contains(text, "error expanding") || strings.Contains(text, "{{") || strings.Contains(text, "<no value>") {
				t.Errorf("%s: the %s is %q", a.Labels["alertname"], name, text)
			}
		}
	}
}

func containsAll(all, want []string) bool {
	return !slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(all, w) })
}
