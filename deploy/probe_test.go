package deploy_test

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/warren-mq/warren/internal/rabbit"
)

// pod runs the container of a Deployment as a process.
type pod struct {
	process  *process
	manifest object
	folder   string // of the configuration, and the working directory
	queue    string
}

// probedConfig has a handler that runs until the file go-on exists, or ignores SIGTERM, so that it is killed.
const probedConfig = `
broker: {url: "${AMQP_URL}"}
admin: {listen: "LISTEN", token: "${ADMIN_TOKEN}"}
grace: GRACE
queues:
  - name: QUEUE
    handlers: [{key: QUEUE, exec: {command: [sh, -c, "COMMAND"], kill_delay: 2s}}]
`

// startPod generates the manifests for a configuration, and starts the process with the
// configuration, the arguments and the variables of the manifests.
func startPod(t *testing.T, values ...string) *pod {
	t.Helper()
	p := &pod{folder: t.TempDir(), queue: rabbit.Queue(t)}
	text := filled(probedConfig, append(values, "QUEUE", p.queue)...)
	all := generate(t, write(t, t.TempDir(), "config.yaml", text))
	p.manifest = all["Deployment"]
	config, _ := all["ConfigMap"].at("data", "config.yaml").(string)
	file := write(t, p.folder, "config.yaml", config)

	container := []any{"spec", "template", "spec", "containers", 0}
	var args []string
	for _, arg := range list(p.manifest.at(append(container, "args")...)) {
		text, _ := arg.(string)
		args = append(args, filled(text, "/etc/warren/config.yaml", file))
	}
	c := command(t, args...)
	c.Dir = p.folder
	secret := map[string]string{"AMQP_URL": rabbit.URL(t), "ADMIN_TOKEN": "0123456789abcdef"}
	c.Env = []string{asRunner + "=1", "PATH=" + os.Getenv("PATH")}
	for _, item := range list(p.manifest.at(append(container, "env")...)) {
		e, _ := item.(map[string]any)
		key, _ := object(e).at("valueFrom", "secretKeyRef", "key").(string)
		name, _ := e["name"].(string)
		if secret[key] == "" {
			t.Fatalf("the manifest wants the key %s", key)
		}
		c.Env = append(c.Env, name+"="+secret[key])
	}
	p.process = start(t, c)
	rabbit.Eventually(t, patience, func() bool { return p.probe(t, "readinessProbe") }, "the readiness probe succeeds")
	return p
}

// probe runs a probe of the manifest as a kubelet does, and reports whether it succeeds.
func (p *pod) probe(t *testing.T, name string) bool {
	t.Helper()
	container := []any{"spec", "template", "spec", "containers", 0}
	if path, ok := p.manifest.at(append(container, name, "httpGet", "path")...).(string); ok {
		port, _ := p.manifest.at(append(container, "ports", 0, "containerPort")...).(int)
		status, _ := get("http://127.0.0.1:" + strconv.Itoa(port) + path)
		return status == http.StatusOK
	}
	var args []string
	for _, arg := range list(p.manifest.at(append(container, name, "exec", "command")...))[1:] {
		text, _ := arg.(string)
		args = append(args, text)
	}
	return command(t, args...).Run() == nil
}

// work publishes a message and waits until its handler runs.
func (p *pod) work(t *testing.T) {
	t.Helper()
	publish := command(t, "publish", "", p.queue, "--data", "x")
	publish.Dir, publish.Env = p.folder, p.process.cmd.Env
	output(t, publish)
	rabbit.Eventually(t, patience, func() bool {
		_, err := os.Stat(filepath.Join(p.folder, "began"))
		return err == nil
	}, "the handler runs")
}

// grace returns how long a kubelet waits before it kills the process.
func (p *pod) grace() time.Duration {
	seconds, _ := p.manifest.at("spec", "template", "spec", "terminationGracePeriodSeconds").(int)
	return time.Duration(seconds) * time.Second
}

// TestProbesAndGraceOfARealProcess stops a process while a handler runs: it is alive and not
// ready, finishes the message, and ends within the grace period.
func TestProbesAndGraceOfARealProcess(t *testing.T) {
	rabbit.NeedsNetwork(t, "the runner is a process of its own")
	t.Parallel()
	for name, host := range map[string]string{"commands": "127.0.0.1", "requests": "0.0.0.0"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, port, _ := net.SplitHostPort(freeAddress(t)) // it is one
			p := startPod(t, "LISTEN", host+":"+port, "GRACE", "20s", "COMMAND", "echo > began; until test -e go-on; do sleep 0.1; done")
			p.work(t)
			p.process.signal(t, syscall.SIGTERM)
			rabbit.Eventually(t, patience, func() bool { return !p.probe(t, "readinessProbe") }, "the readiness probe fails")
			if !p.probe(t, "livenessProbe") {
				t.Error("the liveness probe fails during the drain")
			}
			write(t, p.folder, "go-on", "")
			if took := p.process.end(t, p.grace()); p.process.err != nil {
				t.Errorf("the runner ended with %v after %v, want status 0", p.process.err, took)
			}
			if n := rabbit.Depth(t, rabbit.Channel(t, rabbit.URL(t)), p.queue); n != 0 {
				t.Errorf("%d messages came back, want the handler to finish", n)
			}
		})
	}
}

// TestGraceFitsAHandlerThatDoesNotStop stops a process whose handler ignores SIGTERM.
func TestGraceFitsAHandlerThatDoesNotStop(t *testing.T) {
	rabbit.NeedsNetwork(t, "the runner is a process of its own")
	t.Parallel()
	p := startPod(t, "LISTEN", freeAddress(t), "GRACE", "1s", "COMMAND", "trap '' TERM; echo > began; while :; do sleep 0.1; done")
	p.work(t)
	p.process.signal(t, syscall.SIGTERM)
	t.Logf("the runner ended after %v of %v", p.process.end(t, p.grace()).Round(time.Millisecond), p.grace())
	ch := rabbit.Channel(t, rabbit.URL(t))
	rabbit.Eventually(t, patience, func() bool { return rabbit.Depth(t, ch, p.queue) == 1 }, "the message of the handler comes back")
}
