package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/internal/rabbit"
)

// patience is how long a script waits: the machine may be busy.
const patience = time.Minute

func commands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"status": status, "waitfor": waitFor, "signal": signal, "devbroker": startDevbroker, "vhosts": startVHosts, "stopbroker": stopDevbroker, "waitmetric": waitMetric, "waitpage": waitPage, "take": take, "management": startManagement, "oldladder": oldLadder, "oldworker": oldWorker, "hang": hang, "depose": depose, "elect": elect,
	}
}

// status N COMMAND… wants an exit status.
func status(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := exitStatus(ts.Exec(args[1], args[2:]...)); got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

func exitStatus(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return -1
}

// waitFor PATTERN COMMAND… repeats the command until it succeeds with an output that
// matches.
func waitFor(ts *testscript.TestScript, _ bool, args []string) {
	pattern := regexp.MustCompile("(?m)" + args[0])
	await(ts, args[0], func() bool {
		return ts.Exec(args[1], args[2:]...) == nil && pattern.MatchString(ts.ReadFile("stdout"))
	})
}

// waitMetric PATTERN asks for the metrics of the runner until a line matches.
func waitMetric(ts *testscript.TestScript, neg bool, args []string) {
	waitPage(ts, neg, []string{"/metrics", args[0]})
}

// waitPage PATH PATTERN asks the runner's admin interface for a page until a line of it matches.
func waitPage(ts *testscript.TestScript, _ bool, args []string) {
	pattern := regexp.MustCompile("(?m)" + args[1])
	await(ts, args[1], func() bool {
		response, err := http.Get("http://" + ts.Getenv("WARREN_ADMIN_LISTEN") + args[0])
		if err != nil {
			return false
		}
		page, err := io.ReadAll(response.Body)
		ts.Check(errors.Join(err, response.Body.Close()))
		return pattern.Match(page)
	})
	http.DefaultClient.CloseIdleConnections()
}

func await(ts *testscript.TestScript, what string, condition func() bool) {
	deadline := time.After(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline:
			ts.Fatalf("waited %v for %q in vain", patience, what)
		}
	}
}

// signal HUP|INT|TERM sends it to all commands in the background.
func signal(ts *testscript.TestScript, _ bool, args []string) {
	s, ok := map[string]syscall.Signal{"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "TERM": syscall.SIGTERM}[args[0]]
	if !ok {
		ts.Fatalf("signal %q, want HUP, INT or TERM", args[0])
	}
	for _, c := range ts.BackgroundCmds() {
		ts.Check(c.Process.Signal(s))
	}
}

// devbroker starts a broker in memory, and sets DEV_URL, and LIMITED_URL of a user who
// may declare no queue and read and write little.
func startDevbroker(ts *testscript.TestScript, _ bool, args []string) {
	b, err := devbroker.Start(devbroker.Config{Version: args[0], Users: []devbroker.User{
		{Name: "guest", Password: "guest"},
		{Name: "limited", Password: "hunter2", Configure: "^events", Write: "^warren", Read: "^$"},
	}})
	ts.Check(err)
	ts.Defer(func() { ts.Check(b.Close()) })
	*devbrokerOf(ts) = b
	ts.Setenv("DEV_URL", b.URL())
	ts.Setenv("LIMITED_URL", regexp.MustCompile("guest(:guest)?@").ReplaceAllString(b.URL(), "limited:hunter2@"))
}

// vhosts A B starts a broker in memory with two virtual hosts, and sets A_URL and B_URL.
func startVHosts(ts *testscript.TestScript, _ bool, args []string) {
	b, err := devbroker.Start(devbroker.Config{VHosts: args})
	ts.Check(err)
	ts.Defer(func() { ts.Check(b.Close()) })
	for _, vhost := range args {
		ts.Setenv(strings.ToUpper(vhost)+"_URL", strings.TrimSuffix(b.URL(), args[0])+vhost)
	}
}

// stopbroker ends the broker of devbroker.
func stopDevbroker(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check((*devbrokerOf(ts)).Close())
}

// depose QUEUE takes the leader of a quorum queue of the script's own broker away.
func depose(ts *testscript.TestScript, _ bool, args []string) { (*devbrokerOf(ts)).Depose(args[0]) }

// elect QUEUE gives it a leader again.
func elect(ts *testscript.TestScript, _ bool, args []string) { (*devbrokerOf(ts)).Elect(args[0]) }

// devbrokerKey is of the environment's value that is the script's own broker.
type devbrokerKey struct{}

func devbrokerOf(ts *testscript.TestScript) **devbroker.Broker {
	return ts.Value(devbrokerKey{}).(**devbroker.Broker) //nolint:errcheck,forcetypeassert // Setup has put it there
}

// take NAME FILE PATTERN sets a variable to what the group of the pattern has matched.
func take(ts *testscript.TestScript, _ bool, args []string) {
	found := regexp.MustCompile(args[2]).FindStringSubmatch(ts.ReadFile(args[1]))
	if len(found) != 2 {
		ts.Fatalf("%s has nothing like %q", args[1], args[2])
	}
	ts.Setenv(args[0], found[1])
}

// management FILE sets MANAGEMENT_URL to a stand-in for RabbitMQ's management plugin that
// answers with the values of FILE by their paths. A MANAGEMENT_URL of the test's own
// environment, which must be of the broker of AMQP_URL, wins.
func startManagement(ts *testscript.TestScript, _ bool, args []string) {
	if own := os.Getenv("MANAGEMENT_URL"); own != "" {
		ts.Setenv("MANAGEMENT_URL", own)
		return
	}
	var answers map[string]json.RawMessage
	text := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
	ts.Check(json.Unmarshal([]byte(text), &answers))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		answer, ok := answers[r.URL.EscapedPath()]
		switch {
		case user != "guest" || password != "guest":
			w.WriteHeader(http.StatusUnauthorized)
		case !ok:
			w.WriteHeader(http.StatusNotFound)
		default:
			_, _ = w.Write(answer)
		}
	}))
	ts.Defer(s.Close)
	ts.Setenv("MANAGEMENT_URL", strings.Replace(s.URL, "//", "//guest:guest@", 1))
}

// hang sets HANG_URL to the address of a server that accepts connections and does not answer.
func hang(ts *testscript.TestScript, _ bool, _ []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { ts.Check(l.Close()) })
	ts.Setenv("HANG_URL", "http://"+l.Addr().String())
}

// oldLadder QUEUE EXCHANGE declares the delay ladder of an earlier version on the script's own
// broker. It then puts three messages for the queue, two for the exchange and one for a queue
// that does not exist on it, each with a delay of an hour.
func oldLadder(ts *testscript.TestScript, _ bool, args []string) {
	queue, exchange := args[0], args[1]
	ch := ownChannel(ts)
	l, err := rabbit.NewLadder(ch)
	ts.Check(errors.Join(err, l.Return(queue)))
	to, err := l.To(exchange)
	ts.Check(err)
	for _, end := range []string{queue, queue, queue, to, to, "gone-" + queue} {
		entry, key := rabbit.LadderEntry(time.Hour, end)
		ts.Check(ch.PublishWithContext(context.Background(), entry, key, true, false, amqp.Publishing{
			Timestamp: time.Now(), DeliveryMode: amqp.Persistent, Headers: amqp.Table{"warren-routing-key": "a"},
		}))
	}
	ts.Check(ch.Close())
}

// oldWorker QUEUE consumes only the queue, as a worker of an earlier version does.
func oldWorker(ts *testscript.TestScript, _ bool, args []string) {
	_, err := ownChannel(ts).Consume(args[0], "", false, false, false, false, nil)
	ts.Check(err)
}

// ownChannel returns a channel to the script's own broker.
func ownChannel(ts *testscript.TestScript) *amqp.Channel {
	conn, err := amqp.Dial(ts.Getenv("DEV_URL"))
	ts.Check(err)
	ts.Defer(func() { ts.Check(conn.Close()) })
	ch, err := conn.Channel()
	ts.Check(err)
	return ch
}
