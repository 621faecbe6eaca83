package deploy_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// alert is a rule of warren.rules.yml.
type alert struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

// alerts returns the rules.
func alerts(t *testing.T) []alert {
	t.Helper()
	var file struct {
		Groups []struct{ Rules []alert }
	}
	if err := yaml.Unmarshal([]byte(read(t, "prometheus/warren.rules.yml")), &file); err != nil {
		t.Fatal(err)
	}
	var all []alert
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) < 10 {
		t.Fatalf("found %d rules: are these all?", len(all))
	}
	return all
}

// panel is a panel of the dashboard.
type panel struct {
	ID          int               `json:"id"`
	Type        string            `json:"type"`
	Title       string            `json:"title"`
	Description string            `json:"description"`
	GridPos     place             `json:"gridPos"`
	Datasource  map[string]string `json:"datasource"`
	Targets     []target          `json:"targets"`
}

// place is the place of a panel.
type place struct {
	H int `json:"h"`
	W int `json:"w"`
	X int `json:"x"`
	Y int `json:"y"`
}

// target is a query of a panel.
type target struct {
	RefID string `json:"refId"`
	Expr  string `json:"expr"`
}

// dashboard is warren.json.
type dashboard struct {
	UID           string  `json:"uid"`
	Title         string  `json:"title"`
	SchemaVersion int     `json:"schemaVersion"`
	Panels        []panel `json:"panels"`
	Templating    struct {
		List []struct {
			Name string `json:"name"`
		} `json:"list"`
	} `json:"templating"`
}

func grafana(t *testing.T) dashboard {
	t.Helper()
	var d dashboard
	if err := json.Unmarshal([]byte(read(t, "grafana/warren.json")), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// expressions returns all expressions of rules and dashboard, by where they are.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for _, a := range alerts(t) {
		all[a.Alert] = a.Expr
	}
	for _, p := range grafana(t).Panels {
		for _, target := range p.Targets {
			all[p.Title+" "+target.RefID] = target.Expr
		}
	}
	return all
}

var (
	selector = regexp.MustCompile(`([A-Za-z_][A-Za-z0-9_]*)\{([^}]*)\}`)
	matcher  = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)`)
	grouping = regexp.MustCompile(`\b(?:by|without|on|ignoring)\s*\(([^)]*)\)`)
	noise    = regexp.MustCompile(`\[[^]]*\]|"[^"]*"|[A-Za-z_]+\s*\(|\b(?:and|or|unless|bool)\b`)
	word     = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)
)

// reference is a metric in an expression, with the labels that its selector names.
type reference struct {
	metric string
	labels []string
}

// references returns the metrics in an expression, and the labels of its groupings.
func references(expr string) (metrics []reference, grouped []string) {
	for _, m := range selector.FindAllStringSubmatch(expr, -1) {
		r := reference{metric: m[1]}
		for _, label := range matcher.FindAllStringSubmatch(m[2], -1) {
			r.labels = append(r.labels, label[1])
		}
		metrics = append(metrics, r)
	}
	rest := selector.ReplaceAllString(expr, " ")
	for _, m := range grouping.FindAllStringSubmatch(rest, -1) {
		grouped = append(grouped, word.FindAllString(m[1], -1)...)
	}
	rest = noise.ReplaceAllString(grouping.ReplaceAllString(rest, " "), " ")
	for _, name := range word.FindAllString(rest, -1) {
		metrics = append(metrics, reference{metric: name})
	}
	return metrics, grouped
}

func TestReferencesOfAnExpression(t *testing.T) {
	t.Parallel()
	metrics, grouped := references(`histogram_quantile(0.95, sum by (le, job) (rate(a_bucket{x=~"y|z", q="1"}[5m]))) / sum(b) > bool 0 unless c == 1`)
	var names []string
	for _, m := range metrics {
		names = append(names, m.metric+" "+strings.Join(m.labels, ","))
	}
	if want := []string{"a_bucket x,q", "b ", "c "}; !slices.Equal(names, want) || !slices.Equal(grouped, []string{"le", "job"}) {
		t.Errorf("got %q and %q, want %q, le and job", names, grouped, want)
	}
}

// external are labels that Prometheus and its operator add, and broker, which exists only with
// several brokers.
var external = []string{"job", "instance", "namespace", "broker"}

// unknown returns the metrics and labels of an expression that a scrape does not contain.
func unknown(expr string, scraped map[string][]string) (faults []string) {
	metrics, grouped := references(expr)
	var known []string
	for _, m := range metrics {
		labels, exists := scraped[m.metric]
		if m.metric == "ALERTS" {
			continue
		}
		if !exists {
			faults = append(faults, "the metric "+m.metric)
		}
		for _, label := range m.labels {
			if !slices.Contains(labels, label) && !slices.Contains(external, label) {
				faults = append(faults, "the label "+label+" of "+m.metric)
			}
		}
		known = append(known, labels...)
	}
	for _, label := range grouped {
		if !slices.Contains(known, label) && !slices.Contains(external, label) {
			faults = append(faults, "the label "+label)
		}
	}
	return faults
}

// series matches a line of the exposition format.
var series = regexp.MustCompile(`(?m)^([a-z_][a-z0-9_]*)(?:\{(.*)\})? \S+$`)

// parseMetrics returns the names of the metrics in a scrape, with their labels.
func parseMetrics(text string) map[string][]string {
	found := make(map[string][]string)
	for _, m := range series.FindAllStringSubmatch(text, -1) {
		if found[m[1]] == nil {
			found[m[1]] = []string{}
		}
		for _, label := range regexp.MustCompile(`([a-z_]+)="`).FindAllStringSubmatch(m[2], -1) {
			if !slices.Contains(found[m[1]], label[1]) {
				found[m[1]] = append(found[m[1]], label[1])
			}
		}
	}
	return found
}
