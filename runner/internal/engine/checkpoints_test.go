package engine_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/rabbit"
)

// Each program is killed in its first attempt, after it has saved the checkpoint 1. In the second
// one it saves the checkpoint 2, and waits until the runner stops.
const (
	commandWithCheckpoints = `echo "exec $WARREN_ATTEMPT $WARREN_CHECKPOINT" >> REPORT
case $WARREN_CHECKPOINT in
"") echo '{"checkpoint":1}' >&3; kill -9 $$;;
1) echo '{"checkpoint":2}' >&3; echo "exec waits" >> REPORT; sleep 3600;;
esac
`
	processWithCheckpoints = `n=0
while read -r request; do
	n=$((n + 1))
	attempt=${request#*\"attempt\":}
	case $request in
	*'"checkpoint":2'*) echo "persistent ${attempt%%,*} 2" >> REPORT; echo '{"id":'$n',"ok":true}';;
	*'"checkpoint":1'*) echo "persistent ${attempt%%,*} 1" >> REPORT; echo '{"id":'$n',"checkpoint":2}'; echo "persistent waits" >> REPORT; sleep 3600;;
	*) echo "persistent ${attempt%%,*} " >> REPORT; echo '{"id":'$n',"checkpoint":1}'; kill -9 $$;;
	esac
done
`
	checkpointsYAML = `queues:
  - name: NAME-exec
    retry: {initial_interval: 10ms}
    handlers: [{key: "#", exec: {command: [sh, COMMAND]}, checkpoints: true}]
  - name: NAME-single
    retry: {initial_interval: 10ms}
    single_active: true
    handlers: [{key: "#", exec: {command: [sh, SINGLE]}, checkpoints: true}]
  - name: NAME-persistent
    retry: {initial_interval: 10ms}
    handlers: [{key: "#", persistent: {command: [sh, PROCESS]}, checkpoints: true}]
  - name: NAME-webhook
    retry: {initial_interval: 10ms}
    handlers: [{key: "#", webhook: {url: "URL", allow_private: true}, checkpoints: true}]
`
)

// TestCheckpointsSurviveKillsAndDeployments: the next attempt continues from them, after a program
// was killed, and in the next process of the runner.
func TestCheckpointsSurviveKillsAndDeployments(t *testing.T) {
	t.Parallel()
	var r report
	r.file = filepath.Join(t.TempDir(), "report")
	server := httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(server.Close)
	yaml, name := onRabbit(t, strings.NewReplacer(
		"URL", server.URL, "COMMAND", r.script(t, "command", commandWithCheckpoints), "SINGLE", r.script(t, "single", strings.ReplaceAll(commandWithCheckpoints, "exec", "single")), "PROCESS", r.script(t, "process", processWithCheckpoints),
	).Replace(checkpointsYAML), "-exec", "-single", "-persistent", "-webhook", "-single.stops")

	first := run(t, yaml)
	pub := broker.NewPublisher(first.Broker(), "")
	for _, queue := range []string{"-exec", "-single", "-persistent", "-webhook"} {
		if err := pub.Publish(t.Context(), name+queue, 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := pub.Close(); err != nil {
		t.Error(err)
	}
	rabbit.Eventually(t, time.Minute, func() bool {
		said := r.text(t)
		return strings.Contains(said, "exec waits") && strings.Contains(said, "single waits") && strings.Contains(said, "persistent waits")
	}, "the second attempts wait")
	first.becomes(name+"-webhook", "consuming 1/1 acked 1")
	first.end() // a deployment
	second := run(t, yaml)
	for _, queue := range []string{"-exec", "-single", "-persistent"} {
		second.becomes(name+queue, "consuming 1/1 acked 1")
	}
	second.end()
	said := r.text(t)
	for _, want := range []string{"exec 1 \nexec 2 1\nexec waits\nexec 2 2\n", "single 1 \nsingle 2 1\nsingle waits\nsingle 2 2\n", "persistent 1 \npersistent 2 1\npersistent waits\npersistent 2 2\n", "webhook 1 \nwebhook 2 1\nwebhook 3 2\n"} {
		var lines strings.Builder
		for line := range strings.Lines(said) {
			if kind, _, _ := strings.Cut(want, " "); strings.HasPrefix(line, kind) {
				lines.WriteString(line)
			}
		}
		if lines.String() != want {
			t.Errorf("got\n%swant\n%s", lines.String(), want)
		}
	}
}

// report is what programs and a server got: the kind, the attempt and the checkpoint.
type report struct {
	file   string
	mu     sync.Mutex
	server strings.Builder
}

// serve fails twice with a checkpoint.
func (r *report) serve(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := q.Header.Get("Warren-Checkpoint")
	r.server.WriteString("webhook " + q.Header.Get("Warren-Attempt") + " " + last + "\n")
	if next := map[string]string{"": "1", "1": "2"}[last]; next != "" {
		w.Header().Set("Warren-Checkpoint", next)
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// script writes a script, and returns its path.
func (r *report) script(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(filepath.Dir(r.file), name)
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "REPORT", r.file)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (r *report) text(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(r.file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return string(text) + r.server.String()
}
