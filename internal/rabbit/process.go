package rabbit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// commandTimeout bounds one call of scripts/rabbitmq. A node starts within 3–10 s.
const commandTimeout = 3 * time.Minute

// process is a Node that scripts/rabbitmq runs.
type process struct {
	script  string
	dir     string
	url     string
	stopped bool // by Stop
}

func startProcess(s setup) (n *process, remove func() error, err error) {
	script, err := findScript()
	if err != nil {
		return nil, nil, err
	}
	nodes := os.Getenv("WARREN_NODES")
	if nodes != "" && s.tls == nil {
		return takeProcess(script, filepath.Join(nodes, "pool"))
	}
	dir, err := os.MkdirTemp(nodes, "warren-node-")
	if err != nil {
		return nil, nil, fmt.Errorf("rabbit: folder for a node: %w", err)
	}
	n = &process{script: script, dir: dir}
	remove = func() error {
		_, err := n.command("remove")
		return err
	}
	if err := n.start(s); err != nil {
		return nil, nil, errors.Join(err, remove(), os.RemoveAll(dir)) //nolint:gosec // the folder is the one made above
	}
	return n, remove, nil
}

func (p *process) start(s setup) (err error) {
	if s.tls == nil {
		p.url, err = p.command("start")
		return err
	}
	if err := s.tls.write(p.dir); err != nil {
		return fmt.Errorf("rabbit: certificates for a node: %w", err)
	}
	if _, err := p.command("start"); err != nil {
		return err
	}
	for _, user := range s.users {
		all := User{Name: user.name, Password: user.password, Configure: ".*", Write: ".*", Read: ".*"}
		if _, err := p.command("eval", all.add()+"."); err != nil {
			return err
		}
	}
	p.url, err = p.command("tlsurl")
	return err
}

func (p *process) URL() string { return p.url }

func (p *process) Kill(tb testing.TB) {
	tb.Helper()
	p.must(tb, "kill")
}

// Stop leaves the Erlang VM running, since most of a start's time goes into starting it.
func (p *process) Stop(tb testing.TB) {
	tb.Helper()
	p.eval(tb, "ok = rabbit:stop()")
	p.stopped = true
}

func (p *process) Restart(tb testing.TB) {
	tb.Helper()
	if p.stopped {
		p.eval(tb, "ok = rabbit:start()")
		p.stopped = false
		return
	}
	p.must(tb, "restart")
}

func (p *process) Settle(tb testing.TB) {
	tb.Helper()
	p.eval(tb, "[ok = dets:sync(T) || T <- dets:all()], catch mnesia:sync_log()")
}

func (p *process) CloseConnections(tb testing.TB, reason string) {
	tb.Helper()
	p.eval(tb, fmt.Sprintf("[rabbit_networking:close_connection(C, %s) || C <- rabbit_networking:connections()]", binary(reason)))
}

func (p *process) Block(tb testing.TB) {
	tb.Helper()
	p.eval(tb, "ok = vm_memory_monitor:set_vm_memory_high_watermark(0.0000001)")
}

func (p *process) Unblock(tb testing.TB) {
	tb.Helper()
	p.eval(tb, "ok = vm_memory_monitor:set_vm_memory_high_watermark(0.4)")
}

func (p *process) ConsumerTimeout(tb testing.TB, d time.Duration) {
	tb.Helper()
	p.eval(tb, fmt.Sprintf("application:set_env(rabbit, consumer_timeout, %d), application:set_env(rabbit, channel_tick_interval, %d)",
		d.Milliseconds(), (d/2).Milliseconds()))
}

func (p *process) LimitMessages(tb testing.TB, bytes int) {
	tb.Helper()
	p.eval(tb, fmt.Sprintf("application:set_env(rabbit, max_message_size, %d), persistent_term:put(max_message_size, %[1]d)", bytes))
}

func (p *process) LimitConnections(tb testing.TB, n int) {
	tb.Helper()
	if n == 0 {
		n = -1
	}
	p.must(tb, "ctl", "set_vhost_limits", fmt.Sprintf(`{"max-connections":%d}`, n))
}

func (p *process) Permit(tb testing.TB, u User) string {
	tb.Helper()
	p.PermitAll(tb, []User{u})
	return u.url(tb, p.url)
}

func (p *process) PermitAll(tb testing.TB, users []User) {
	tb.Helper()
	calls := make([]string, 0, len(users))
	for _, u := range users {
		calls = append(calls, u.add())
	}
	p.eval(tb, strings.Join(calls, ", "))
}

func (p *process) SetPermissions(tb testing.TB, u User) {
	tb.Helper()
	p.eval(tb, u.permit())
}

func (p *process) ChangePassword(tb testing.TB, user, password string) {
	tb.Helper()
	p.eval(tb, fmt.Sprintf("ok = rabbit_auth_backend_internal:change_password(%s, %s, <<\"test\">>)", binary(user), binary(password)))
	p.CloseConnections(tb, "the password has changed")
}

// add is the expression that adds the user with its permissions.
func (u User) add() string {
	return fmt.Sprintf("ok = rabbit_auth_backend_internal:add_user(%s, %s, <<\"test\">>), ", binary(u.Name), binary(u.Password)) + u.permit()
}

// permit is the expression that replaces the user's permissions.
func (u User) permit() string {
	return fmt.Sprintf("ok = rabbit_auth_backend_internal:set_permissions(%s, <<\"/\">>, %s, %s, %s, <<\"test\">>)",
		binary(u.Name), binary(u.Configure), binary(u.Write), binary(u.Read))
}

// binary is the text in Erlang.
func binary(text string) string { return fmt.Sprintf("<<%q>>", text) }

func (p *process) Clients(tb testing.TB) []string {
	tb.Helper()
	return strings.Split(p.must(tb, "ctl", "list_connections", "client_properties"), "\n")
}

func (p *process) Policy(tb testing.TB, name, pattern string, priority int, definition string) {
	tb.Helper()
	p.must(tb, "ctl", "set_policy", "--priority", strconv.Itoa(priority), "--apply-to", "queues", name, pattern, definition)
}

func (p *process) Import(tb testing.TB, definitions []byte) {
	tb.Helper()
	file := filepath.Join(tb.TempDir(), "definitions.json")
	if err := os.WriteFile(file, definitions, 0o600); err != nil {
		tb.Fatal(err)
	}
	p.must(tb, "import", file)
}

// eval evaluates an Erlang expression in the node. Unlike rabbitmqctl, it starts no Erlang VM.
func (p *process) eval(tb testing.TB, expression string) {
	tb.Helper()
	p.must(tb, "eval", expression+".")
}

func (p *process) must(tb testing.TB, name string, args ...string) string {
	tb.Helper()
	out, err := p.command(name, args...)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// command uses its own context, since the test's context is done before its cleanup.
func (p *process) command(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.script, append([]string{name, p.dir}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("rabbit: scripts/rabbitmq %s %s: %w\n%s", name, strings.Join(args, " "), err, &stderr)
	}
	return strings.TrimSpace(stdout.String()), nil
}

// findScript searches the folders above the package under test for the module with the script.
func findScript() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("rabbit: find scripts/rabbitmq: %w", err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		script := filepath.Join(dir, "scripts", "rabbitmq")
		if isFile(filepath.Join(dir, "go.mod")) && isFile(script) {
			return script, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("rabbit: find scripts/rabbitmq: not found beside a go.mod in %s or above", start)
		}
	}
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
