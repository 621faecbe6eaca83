package kubernetes

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/warren-mq/warren/runner/internal/config"
)

// Options are the choices that the configuration does not contain.
type Options struct {
	Name      string // of all objects
	Namespace string
	Image     string
	Program   string // the path of the runner in the image
	Secret    string // the name of the Secret
	VHost     string // of the queues, for KEDA
	Replicas  int
	Max       int // replicas with KEDA
}

// Values are the values of the chart. Its values.yaml documents them.
type Values struct {
	Image         string            `yaml:"image"`
	Program       string            `yaml:"program"`
	Replicas      int               `yaml:"replicas"`
	Config        string            `yaml:"config"`
	Secret        string            `yaml:"secret"`
	Env           []Env             `yaml:"env"`
	Files         []Files           `yaml:"files"`
	Admin         Admin             `yaml:"admin"`
	Grace         int               `yaml:"terminationGracePeriodSeconds"`
	Resources     map[string]Amount `yaml:"resources"`
	Disruption    Disruption        `yaml:"podDisruptionBudget"`
	NetworkPolicy NetworkPolicy     `yaml:"networkPolicy"`
	Monitor       Monitor           `yaml:"serviceMonitor"`
	Keda          Keda              `yaml:"keda"`
}

// Env is a variable from the Secret.
type Env struct {
	Name     string `yaml:"name"`
	Key      string `yaml:"key"`
	Optional bool   `yaml:"optional"`
}

// Files are keys of the Secret that are files of one folder.
type Files struct {
	MountPath string   `yaml:"mountPath"`
	Keys      []string `yaml:"keys"`
}

// Admin is the address of the admin interface.
type Admin struct {
	Port      int    `yaml:"port"`
	URL       string `yaml:"url"`       // inside the pod
	Reachable bool   `yaml:"reachable"` // from outside of the pod
}

// Amount is an amount of resources, by name.
type Amount map[string]string

// Disruption configures the PodDisruptionBudget.
type Disruption struct {
	Enabled        bool `yaml:"enabled"`
	MaxUnavailable int  `yaml:"maxUnavailable"`
}

// NetworkPolicy configures the NetworkPolicy.
type NetworkPolicy struct {
	Enabled bool             `yaml:"enabled"`
	From    []map[string]any `yaml:"from"`   // who may scrape
	Ports   []int            `yaml:"ports"`  // of RabbitMQ, its management plugin, webhooks and stores of bodies
	Egress  []map[string]any `yaml:"egress"` // further rules
}

// Monitor configures the ServiceMonitor.
type Monitor struct {
	Enabled  bool   `yaml:"enabled"`
	Interval string `yaml:"interval"`
	TokenKey string `yaml:"tokenKey"` // of the Secret
}

// Keda configures the ScaledObject.
type Keda struct {
	Enabled              bool      `yaml:"enabled"`
	MinReplicas          int       `yaml:"minReplicas"`
	MaxReplicas          int       `yaml:"maxReplicas"`
	CooldownSeconds      int       `yaml:"cooldownSeconds"`
	StabilizationSeconds int       `yaml:"stabilizationSeconds"`
	HostKeys             []string  `yaml:"hostKeys"` // of the Secret: URLs of management plugins
	Triggers             []Trigger `yaml:"triggers"`
}

// Trigger scales by the messages of a queue with its partitions.
type Trigger struct {
	Queue    string `yaml:"queue"`
	Regex    bool   `yaml:"regex"` // Queue is a regular expression
	VHost    string `yaml:"vhost"`
	Messages int    `yaml:"messages"` // ready and unacknowledged, for each pod
	HostKey  string `yaml:"hostKey"`
}

// Of returns the values for a configuration that was read with config.Source.Elsewhere, and its
// text. The hints name what the values cannot contain.
func Of(c *config.Config, text string, o Options) (v Values, hints []string, err error) {
	if err := deployable(c); err != nil {
		return v, nil, err
	}
	v = Values{
		Image: o.Image, Program: o.Program, Replicas: o.Replicas, Config: text, Secret: o.Secret,
		Grace:      int(StopBound(c).Seconds()),
		Resources:  map[string]Amount{"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
		Disruption: Disruption{true, 1},
	}
	needs := c.Needs()
	v.Env = []Env{}
	for _, variable := range needs.Variables {
		v.Env = append(v.Env, Env{variable.Name, variable.Name, variable.Optional})
	}
	if v.Files, err = files(needs.Files); err != nil {
		return v, nil, err
	}
	v.Admin = admin(c.Admin.Listen)
	v.NetworkPolicy = policy(c)
	var more []string
	v.Monitor, hints = monitor(c, v.Admin)
	v.Keda, more = keda(c, o)
	return v, append(append(hints, more...), about(c)...), nil
}

// deployable returns an error if the configuration does not fit a pod.
func deployable(c *config.Config) error {
	for _, at := range c.Needs().Plain {
		if !strings.Contains(at, ".headers.") {
			return fmt.Errorf("runner: k8s: %s is written in the file, which becomes a ConfigMap, want ${NAME} or {file: PATH}", at)
		}
	}
	switch {
	case c.Broker.IsEmbedded():
		return fmt.Errorf("runner: k8s: broker.url is %s, want the URL of a RabbitMQ, such as ${AMQP_URL}", config.Embedded)
	case c.Admin.Listen == "none":
		return errors.New("runner: k8s: admin.listen is disabled, want an address such as 0.0.0.0:8081, for the probes")
	}
	return nil
}

const (
	abandonTimeout = 5 * time.Second // of cancelled handlers
	closeTimeout   = 6 * time.Second // of the connections, without an answer of the broker
	serveTimeout   = 5 * time.Second // of the admin interface
	flushTimeout   = 5 * time.Second // of metrics and traces
)

// StopBound returns how long a runner may take to stop.
func StopBound(c *config.Config) time.Duration {
	grace := max(time.Duration(c.Grace), 0)
	return (grace + abandonTimeout + endTimeout(c) + closeTimeout + serveTimeout + flushTimeout + time.Second - 1).Truncate(time.Second)
}

// endTimeout returns how long persistent processes may take to end: kill_delay from the end of
// their stdin to SIGTERM, and again to SIGKILL.
func endTimeout(c *config.Config) (longest time.Duration) {
	for _, q := range c.Queues {
		for _, h := range q.Handlers {
			if h.Persistent != nil {
				longest = max(longest, 2*time.Duration(h.Persistent.KillDelay))
			}
		}
	}
	return longest
}

// files groups files by their folders. The keys of a Secret are the names of the files.
func files(paths []string) ([]Files, error) {
	folders, seen := []Files{}, make(map[string]string)
	for _, file := range paths {
		dir, key := path.Split(file)
		dir = path.Clean(dir)
		if other := seen[key]; other != "" {
			return nil, fmt.Errorf("runner: k8s: %s and %s have the same name, want different names, which are keys of the Secret", other, file)
		}
		if dir == "/etc/warren" || dir == "/" {
			return nil, fmt.Errorf("runner: k8s: the secret %s is in %s, want a folder of its own, such as /run/secrets", file, dir)
		}
		seen[key] = file
		i := slices.IndexFunc(folders, func(f Files) bool { return f.MountPath == dir })
		if i < 0 {
			i, folders = len(folders), append(folders, Files{MountPath: dir})
		}
		folders[i].Keys = append(folders[i].Keys, key)
	}
	return folders, nil
}

func admin(listen string) Admin {
	host, port, _ := net.SplitHostPort(listen) // the configuration was checked
	number, _ := strconv.Atoi(port)
	ip := net.ParseIP(host)
	a := Admin{Port: number, Reachable: host != "localhost" && !ip.IsLoopback()}
	if a.Reachable && (ip == nil || ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	a.URL = "http://" + net.JoinHostPort(host, port)
	return a
}

// policy allows connections to RabbitMQ, its management plugin, webhooks and stores of bodies, and of
// Prometheus to the runner.
func policy(c *config.Config) NetworkPolicy {
	var ports []int
	for _, b := range append([]config.Broker{c.Broker}, c.Brokers...) {
		for _, secret := range append([]config.Secret{b.URL}, b.URLs...) {
			if raw, err := secret.Reveal(); err == nil && raw != "" {
				ports = append(ports, portsOf(raw, 5671, 5672)...)
			}
		}
		if raw, err := b.ManagementURL.Reveal(); err == nil && raw != "" {
			ports = append(ports, portsOf(raw, 443, 80)...)
			if strings.Contains(raw, config.StandIn) {
				ports = append(ports, 15671, 15672) // the default ports
			}
		}
	}
	for _, codec := range c.Codecs {
		ports = append(ports, storePorts(codec.Claim)...)
	}
	for _, q := range c.Queues {
		for _, h := range q.Handlers {
			if h.Webhook != nil {
				ports = append(ports, portsOf(string(h.Webhook.URL), 443, 80)...)
			}
		}
	}
	slices.Sort(ports)
	monitoring := map[string]any{"namespaceSelector": map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": "monitoring"}}}
	return NetworkPolicy{Enabled: true, From: []map[string]any{monitoring}, Ports: slices.Compact(ports), Egress: []map[string]any{}}
}

// portInDSN matches the port in a connection string of PostgreSQL that is not a URL.
var portInDSN = regexp.MustCompile(`(?:^|\s)port\s*=\s*(\d+)`)

// storePorts returns the port of the store of a codec, which may be nil.
func storePorts(claim *config.Claim) []int {
	switch {
	case claim == nil || claim.Dir != "":
		return nil
	case claim.S3 != nil:
		return portsOf(cmp.Or(claim.S3.Endpoint, "https://s3.amazonaws.com"), 443, 80)
	}
	text, _ := claim.Postgres.Reveal() // the configuration was checked
	if m := portInDSN.FindStringSubmatch(text); m != nil {
		n, _ := strconv.Atoi(m[1])
		return []int{n}
	}
	if strings.HasPrefix(text, "postgres") {
		return portsOf(text, 5432, 5432)[:1]
	}
	return []int{5432}
}

// portsOf returns the port of a URL. If the URL is in the Secret, it returns both defaults.
func portsOf(raw string, secure, plain int) []int {
	u, err := url.Parse(raw)
	if err != nil || strings.HasSuffix(u.Hostname(), config.StandIn) {
		return []int{secure, plain}
	}
	if n, err := strconv.Atoi(u.Port()); err == nil {
		return []int{n}
	}
	if strings.HasSuffix(u.Scheme, "s") {
		return []int{secure}
	}
	return []int{plain}
}
