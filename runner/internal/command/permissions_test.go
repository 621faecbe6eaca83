package command_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/runner/internal/command"
	"github.com/warren-mq/warren/topology"
)

// mailer is a configuration with every kind of part. ID, MODE, FLAG and USER are replaced.
const mailer = `
admin: {listen: none}
log: {level: debug}
grace: 1s
fleet: {users: [USER]}
broker: {topology: MODE, heartbeat: 2s}
exchanges: [{name: ID-events}, {name: ID-archive}]
queues:
  - name: ID.mail
    exchange: ID-events
    retry: {max_attempts: 2, initial_interval: 100ms}
    handlers:
      - {key: ok, log: {}}
      - {key: fails, exec: {command: [test, -e, "FLAG"]}}
      - {key: "on", forward: {exchange: ID-archive, key: kept}}
  - name: ID-kept
    exchange: ID-archive
    dead_letters: {queue: ID-graveyard}
    handlers: [{key: "#", log: {}}]
  - name: ID-far
    retry: {max_attempts: 5, initial_interval: FAR, max_interval: FAR, randomization_factor: 0}
    handlers: [{key: ID-far, exec: {command: ["false"]}}]
` + perProcess + `schedules: [{name: tick, cron: "@every 1s", exchange: ID-events, key: ok}]
scheduler: {name: ID}
`

// perProcess are the queues for which a process declares a queue of its own, in every mode.
const (
	perProcess = each + parts

	each = `  - name: ID-each
    per_process: true
    exchange: ID-events
    handlers: [{key: ok, log: {}}]
`
	parts = `  - name: ID-parts
    exchange: ID-archive
    order_by: routing_key
    partitions: 3
    limit: {name: ID, concurrency: 2}
    handlers: [{key: "#", exec: {command: [sh, -c, "echo >FLAG.parts"]}}]
`
)

// house is a node with the users of one configuration.
type house struct {
	t        *testing.T
	id, file string
	flag     string // a file whose existence makes the handler of the key fails succeed
	users    map[string]string
	log      safeBuffer // of the runner
}

// safeBuffer is a buffer for a log that is read while it is written.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// newHouse writes the configuration for a mode.
func newHouse(t *testing.T, mode topology.Mode) *house {
	t.Helper()
	h := &house{t: t, id: "p" + strings.ToLower(rand.Text()[:8]), file: filepath.Join(t.TempDir(), "config.yaml"), users: map[string]string{}}
	h.flag = filepath.Join(filepath.Dir(h.file), "flag")
	h.write(mailer, mode)
	return h
}

// undivided is a worker without the permission to divide partitions among processes.
const undivided = "undivided"

// printed returns users with exactly the permissions that the command prints, one for each role.
func (h *house) printed() (users []rabbit.User) {
	h.t.Helper()
	var all []struct {
		Role string `json:"role"`
		topology.Permissions
	}
	if err := json.Unmarshal([]byte(h.must("", "topology", "permissions", "-o", "json")), &all); err != nil {
		h.t.Fatal(err)
	}
	for _, p := range all {
		h.users[p.Role] = h.id + "-" + p.Role
		users = append(users, rabbit.User{Name: h.users[p.Role], Password: "secret", Configure: p.Configure, Write: p.Write, Read: p.Read})
		if p.Role == "worker" {
			h.users[undivided] = h.id + "-" + undivided
			users = append(users, rabbit.User{Name: h.users[undivided], Password: "secret", Configure: "^$", Write: p.Write, Read: p.Read})
		}
	}
	return users
}

// at turns the names of the users into URLs of the node.
func (h *house) at(node rabbit.Node) {
	h.t.Helper()
	u, err := url.Parse(node.URL())
	if err != nil {
		h.t.Fatal(err)
	}
	for role, name := range h.users {
		u.User = url.UserPassword(name, "secret")
		h.users[role] = u.String()
	}
	h.users["admin"] = node.URL()
}

func (h *house) write(config string, mode topology.Mode) {
	h.t.Helper()
	text := strings.NewReplacer("ID", h.id, "MODE", string(mode), "FLAG", h.flag, "USER", h.id+"-operator", "FAR", farPauses[mode]).Replace(config)
	if err := os.WriteFile(h.file, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// execute runs a command as a user. No user means that the command does not connect.
func (h *house) execute(ctx context.Context, as string, stdout, stderr io.Writer, args ...string) int {
	args = append(args, "-c", h.file, "--set", "broker.url="+h.users[as])
	return command.Execute(ctx, command.Program{Stdin: strings.NewReader(""), Stdout: stdout, Stderr: stderr}, args)
}

// try runs a command, and returns its exit status and output.
func (h *house) try(as string, args ...string) (status int, out string) {
	var b bytes.Buffer
	status = h.execute(h.t.Context(), as, &b, &b, args...)
	return status, b.String()
}

// must returns the standard output of a command.
func (h *house) must(as string, args ...string) string {
	h.t.Helper()
	var stdout, stderr bytes.Buffer
	if status := h.execute(h.t.Context(), as, &stdout, &stderr, args...); status != 0 {
		h.t.Fatalf("%s: runner %s: exit status %d\n%s%s", as, strings.Join(args, " "), status, &stdout, &stderr)
	}
	return stdout.String()
}

// run starts a runner as the worker. It returns a function that stops it.
func (h *house) run() (stop func()) {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.t.Context())
	ended := make(chan int, 1)
	go func() { ended <- h.execute(ctx, "worker", &h.log, &h.log, "run") }()
	stop = sync.OnceFunc(func() {
		cancel()
		if status := <-ended; status != 0 {
			h.t.Errorf("runner run: exit status %d\n%s", status, h.log.String())
		}
	})
	h.t.Cleanup(stop)
	return stop
}

const patience = time.Minute

// await repeats a command until its output has a text.
func (h *house) await(want, as string, args ...string) {
	h.t.Helper()
	rabbit.Eventually(h.t, patience, func() bool {
		_, out := h.try(as, args...)
		return strings.Contains(out, want)
	}, strings.Join(args, " ")+" shows "+want)
}

// neverRefused fails if the broker has refused the worker anything.
func (h *house) neverRefused() {
	h.t.Helper()
	for line := range strings.Lines(h.log.String()) {
		if strings.Contains(line, "ACCESS_REFUSED") || strings.Contains(line, "access refused") {
			h.t.Errorf("the worker was refused: %s", line)
		}
	}
}

var modes = []topology.Mode{topology.Manage, topology.Verify, topology.Trust}

// TestThePrintedPermissionsSuffice in each mode, for all roles and what these do. In the modes
// verify and trust the worker configures only the queue that belongs to its process.
func TestThePrintedPermissionsSuffice(t *testing.T) {
	t.Parallel()
	node, houses := rabbit.Start(t), make([]*house, len(modes))
	var users []rabbit.User
	for i, mode := range modes {
		houses[i] = newHouse(t, mode)
		users = append(users, houses[i].printed()...)
	}
	node.PermitAll(t, users)
	for i, mode := range modes {
		h := houses[i]
		h.at(node)
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			h.t = t
			if !mode.Manages() {
				h.must("admin", "topology", "apply")
			}
			h.work(mode)
			h.neverRefused()
			if mode == topology.Verify {
				h.works(undivided)
			}
			if mode.Manages() {
				h.must("operator", "topology", "plan")
				h.must("operator", "topology", "apply")
				h.write(strings.Replace(mailer, "name: ID-kept", "name: ID-kept\n    type: classic", 1), mode)
				h.must("operator", "topology", "migrate", h.id+"-kept", "--to", "classic", "--empty-for", "100ms", "--wait", "10ms")
			}
		})
	}
}

// work publishes, retries, delays and dead-letters messages, and uses the operator's commands.
func (h *house) work(mode topology.Mode) {
	h.t.Helper()
	stop := h.run()
	events, mail, far := h.id+"-events", h.id+".mail", h.id+"-far"
	h.consumes("operator", 4)
	for _, key := range []string{"ok", "on", "fails", "fails"} {
		h.must("publisher", "publish", events, key, "--data", "x")
	}
	h.must("publisher", "publish", "", far, "--data", "x")
	h.must("delaying", "publish", events, "ok", "--data", "x", "--delay", "200ms")
	h.must("delaying", "publish", "", far, "--data", "x", "--delay", "200ms")
	admin := rabbit.Connect(h.t, h.users["admin"])
	rabbit.Eventually(h.t, patience, func() bool { return depth(h.t, admin, levels[mode]) == 2 }, "both retries are in "+levels[mode])
	rabbit.Eventually(h.t, patience, func() bool { _, err := os.Stat(h.flag + ".parts"); return err == nil }, "a message has passed a partition and a limit")
	h.operate(mail, far)
	stop()
}

// operate uses the commands of an operator, and the doctor.
func (h *house) operate(mail, far string) {
	h.t.Helper()
	h.await(`"dead_letters": 2`, "operator", "dlq", "ls", mail, "-o", "json")
	h.must("operator", "dlq", "show", mail)
	h.must("operator", "dlq", "groups", mail)
	if err := os.WriteFile(h.flag, nil, 0o600); err != nil {
		h.t.Fatal(err)
	}
	if status, out := h.try("operator", "dlq", "replay", mail, "--all", "--canary", "1"); status != 0 || !strings.Contains(out, "1 of 1 succeeded") {
		h.t.Errorf("the replay ended with status %d, want a report on its canary:\n%s", status, out)
	}
	h.must("operator", "dlq", "purge", h.id+"-kept", "--yes")
	h.await("tick", "operator", "schedules")
	h.must("worker", "doctor")
	h.must("operator", "delays", "ls", far)
	h.must("operator", "fleet", "scale", mail, "2", "--everywhere")
}

// works has doctor warn of what the worker of a user only logs, and consumes the queues as the user.
func (h *house) works(as string) {
	h.t.Helper()
	h.write(strings.Replace(mailer, each, "", 1), topology.Verify)
	if out := h.must(as, "doctor"); !strings.Contains(out, "partitions are not divided") {
		h.t.Errorf("doctor does not say what the user may not do:\n%s", out)
	}
	h.users["worker"] = h.users[as]
	stop := h.run()
	h.consumes("operator", 4)
	stop()
}

// consumes waits until n queues have a consumer.
func (h *house) consumes(as string, n int) {
	h.t.Helper()
	rabbit.Eventually(h.t, patience, func() bool {
		_, out := h.try(as, "queues", "ls", "-o", "json")
		return strings.Count(out, `"consumers": 1`) == n
	}, "the queues are consumed")
}

// levels are the levels of the far retries. All houses of a node share the levels, so each mode
// has its own pause.
var levels = map[topology.Mode]string{topology.Manage: "warren.delay.4096s", topology.Verify: "warren.delay.8192s", topology.Trust: "warren.delay.16384s"}

var farPauses = map[topology.Mode]string{topology.Manage: "2h", topology.Verify: "4h", topology.Trust: "8h"}

// depth returns the number of messages in a queue, and -1 if it does not exist.
func depth(t *testing.T, conn *amqp.Connection, queue string) int {
	t.Helper()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	q, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
	if err != nil {
		return -1 // the channel is closed
	}
	if err := ch.Close(); err != nil {
		t.Fatal(err)
	}
	return q.Messages
}
