// Package examples_test runs the programs of this folder.
package examples_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/warren-mq/warren/internal/rabbit"
)

const (
	timeout  = time.Minute // for the run of one program
	maxLines = 80          // of each file of a program
)

// programs holds the programs of this folder, except signup, which has its own tests.
var programs = []struct {
	folder string
	// queues and exchanges are declared by the program, besides dead-letter queues.
	queues, exchanges []string
	// story is the expected output, as sequences of lines. The lines of one sequence must be in
	// order; lines of different sequences may be interleaved. A line that ends with … is a
	// prefix.
	story   [][]string
	offline bool // it uses no broker, and ends at once
}{
	{
		folder: "fanout", queues: []string{"fanout-billing", "fanout-shipping", "fanout-search"}, exchanges: []string{"fanout-orders"},
		story: [][]string{
			{"billing received order 1", "billing received order 2"},
			{"shipping received order 1", "shipping received order 2"},
			{"search received order 1", "search received order 2"},
		},
	},
	{
		folder: "batches", queues: []string{"batches-single", "batches-together"}, exchanges: []string{"batches"},
		story: [][]string{{"one at a time: 500 rows by 500 calls…", "in batches: 500 rows by …"}},
	},
	{
		folder: "call", queues: []string{"call-prices"}, exchanges: []string{"call-shop"},
		story: [][]string{{"tea: 350 cents", "coffee: 499 cents", `gold: no article "gold" (permanent)`, "truffles: no reply in time"}},
	},
	{
		folder: "asyncapi", offline: true,
		story: [][]string{{
			"the document has the channels [exchange.shop.order.paid exchange.shop.order.shipped queue.shipping]",
			"breaking: true  /operations/receive.shipping/messages/order.paid/payload/properties/customer: the property is new, and required",
			`breaking: false /operations/receive.shipping/messages/order.paid/payload/properties/currency/enum: the value "GBP" is accepted now`,
			"breaking: false /operations/receive.shipping/messages/order.paid/payload/properties/note: the property is removed, which was optional",
			"breaking: false /operations/receive.shipping/messages/order.paid/payload/properties/tip: the property is new, and optional",
		}},
	},
	{
		folder: "celery", queues: []string{"celery-images"}, exchanges: []string{"celery-images"},
		story: [][]string{{"resizing cat.png to a width of 200"}, {"resizing hund & ölwanne.png to a width of 300"}},
	},
	{
		folder: "routing", queues: []string{"routing-eu", "routing-us", "routing-urgent-pdf"}, exchanges: []string{"routing-regions", "routing-documents"},
		story: [][]string{
			{"routing-eu received: an order from Rome"},
			{"routing-us received: an order from Boston"},
			{"routing-urgent-pdf received: a contract"},
			{`a letter: broker: publish to exchange "routing-documents" with key "": broker: no queue took the message…`},
		},
	},
	{
		folder: "priorities", queues: []string{"priorities-mails"}, exchanges: []string{"priorities"},
		story: [][]string{{
			`publishing "newsletter, part 1"`,
			`publishing "newsletter, part 2"`,
			`publishing "invoice"`,
			`publishing "password reset"`,
			`sending "password reset", priority 5`,
			`sending "invoice", priority 3`,
			`sending "newsletter, part 1", priority 0`,
			`sending "newsletter, part 2", priority 0`,
		}},
	},
	{
		folder: "delayed", queues: []string{"delayed-reminders"}, exchanges: []string{"delayed"},
		story: [][]string{
			{
				`publishing "water the plants" for 2s from now`,
				`publishing "tea is ready" for 1s from now`,
				`publishing "fill the kettle" for 0s from now`,
			},
			{
				"reminder: fill the kettle (early: false)",
				"reminder: tea is ready (early: false)",
				"reminder: water the plants (early: false)",
			},
		},
	},
	{
		folder: "idempotent", queues: []string{"idempotent-payments"}, exchanges: []string{"idempotent"},
		story: [][]string{{
			"charging 500 cents", "message payment-1: ack",
			"message payment-1: ack",
			"charging 900 cents", "message payment-2: ack",
			"message payment-1: ack",
		}},
	},
	{
		folder: "chain", queues: []string{"chain-payments", "chain-shipping", "chain-mails"}, exchanges: []string{"chain"},
		story: [][]string{{"order 7: the bank is closed", "order 7: paid", "order 7: shipped", "order 7: mail sent"}},
	},
	{
		folder: "inbox", queues: []string{"inbox-payments"},
		story: [][]string{{
			"payment-1, attempt 1: stored false, error something after the INSERT fails",
			"payment-1, attempt 2: stored true, error <nil>",
			"payment-1, attempt 1: stored false, error <nil>",
			"payment-1, attempt 1: stored false, error <nil>",
			"payments: 1 row, 500 cents, error <nil>",
		}},
	},
	{
		folder: "order", queues: []string{"order-bookings"}, exchanges: []string{"order"},
		story: [][]string{
			{"Ada: reserve", "Ada: pay", "Ada: confirm"},
			{"Bob: reserve", "Bob: pay", "Bob: confirm"},
			{"Eve: reserve", "Eve: pay", "Eve: confirm"},
		},
	},
	{
		folder: "longjob", queues: []string{"longjob-imports"},
		story: [][]string{{
			"the first worker imports row 1 of people.csv", "the first worker imports row 2 of people.csv", "the first worker imports row 3 of people.csv",
			"the second worker imports row 4 of people.csv", "the second worker imports row 5 of people.csv", "the second worker imports row 6 of people.csv",
		}},
	},
	{
		folder: "partitions", exchanges: []string{"partitions"},
		queues: []string{
			"partitions-bookings", "partitions-bookings.partition.0", "partitions-bookings.partition.1", "partitions-bookings.partition.2",
			"partitions-bookings.partition.3", "partitions-bookings.partition.4", "partitions-bookings.partition.5",
		},
		story: [][]string{
			{"3 workers have 2 partitions each", "2 workers have 3 partitions each"},
			{"Ada: reserve", "Ada: pay", "Ada: confirm", "Ada: travel"},
			{"Bob: reserve", "Bob: pay", "Bob: confirm", "Bob: travel"},
			{"Eve: reserve", "Eve: pay", "Eve: confirm", "Eve: travel"},
		},
	},
	{
		folder: "limits", queues: []string{"limits-mails"}, exchanges: []string{"limits"},
		story: [][]string{
			{
				"mail to ada@example.com: the provider is down",
				"mail to bob@example.com: the provider is down",
				"breaker: open, was closed",
				"breaker: half-open, was open",
				"mail to eve@example.com: sent",
				"breaker: closed, was half-open",
			},
			{"mail to joe@example.com: sent"},
			{"mail to ada@example.com: sent"},
			{"mail to bob@example.com: sent"},
		},
	},
	{
		folder: "adaptive", queues: []string{"adaptive-charges"},
		story: [][]string{{
			"the service is fast: 10 messages at a time", "the service is slow: 6 messages at a time", "the service is fast again: 10 messages at a time",
			"the breaker is open", "the breaker is half-open", "the breaker is closed",
		}},
	},
	{
		folder: "replicas", queues: []string{
			"replicas-charges", "warren.limit.replicas.0", "warren.limit.replicas.1", "warren.limit.replicas.2", "warren.limit.replicas.3",
		},
		story: [][]string{{"60 charges, at most 4 at a time: true"}},
	},
	{
		folder: "scheduled", queues: []string{"scheduled-reports", "warren.schedule.token.scheduled", "warren.schedule.state.scheduled"},
		story: [][]string{{"replica …", "report for 20…", "report for 20…", "report for 20…"}},
	},
	{
		folder: "outbox", queues: []string{"outbox-welcome"},
		story: [][]string{{"Bob: rolled back", "Ada: committed", "worker: welcome, Ada"}},
	},
	{
		folder: "fanin", queues: []string{"fanin-photos", "fanin-albums"},
		story: [][]string{
			{"a.jpg: done"},
			{"b.jpg: done"},
			{"broken.jpg: failed"},
			{"album-1 is ready: 2 of 3 photos, 1 failed"},
		},
	},
	{
		folder: "bodies", queues: []string{"bodies-orders"},
		story: [][]string{
			{"order of Ada, 10000 bytes of notes", "ack, …"},
			{"order of Bob, 0 bytes of notes", "dead-letter, 78 bytes sealed with key 2026"},
			{`not published: broker: publish to exchange "" with key "bodies-orders": encode main.order: handler: invalid payload: jsonschema: the body breaks the schema of "#" at /properties/customer/minLength`},
		},
	},
	{
		folder: "triage", queues: []string{"triage-mails"},
		story: [][]string{
			{
				`mail to "ada@example.com": dead-letter`, `mail to "bob@example.com": dead-letter`,
				`mail to "eve.example.com": dead-letter`, `mail to "nobody": dead-letter`,
				"2 × the mail server refuses us",
				"1 corrected, 2 replayed, 1 discarded",
			},
			{"2 × the address has no @"},
			{`mail to "ada@example.com": ack`},
			{`mail to "bob@example.com": ack`},
			{`mail to "eve@example.com": ack`},
		},
	},
	{
		folder: "checkpoints", queues: []string{"checkpoints-imports", "checkpoints-imports.stops"},
		story: [][]string{{
			"the first runner imports row 1 of people.csv", "the first runner imports row 2 of people.csv", "the first runner imports row 3 of people.csv",
			"the second runner imports row 4 of people.csv", "the second runner imports row 5 of people.csv", "the second runner imports row 6 of people.csv",
		}},
	},
	{
		folder: "replies", queues: []string{"replies-prices"},
		story: [][]string{{"tea: 350 cents", "coffee: 499 cents", "gold: job: python3: exit status 65: no article gold (not_found)"}},
	},
	{
		folder: "scripts", queues: []string{"scripts-python-exec", "scripts-node-exec", "scripts-python-persistent", "scripts-node-persistent"},
		story: [][]string{
			{"Python, exec: order of Ada", "Python, exec: an order without a customer"},
			{"Node, exec: order of Ada", "Node, exec: an order without a customer"},
			{"Python, persistent: order of Ada", "Python, persistent: an order without a customer"},
			{"Node, persistent: order of Ada", "Node, persistent: an order without a customer"},
		},
	},
	{
		folder: "testing", queues: []string{"testing-mails"},
		story: [][]string{{"attempt 1: retry", "sent to ada@example.com", "attempt 2: ack"}},
	},
}

// bin is the folder with the built programs.
var bin string

var build = sync.OnceValue(func() error {
	args := []string{"build", "-ldflags", "-s -w", "-o", bin + "/"} // without debugging data, to link faster
	for _, p := range programs {
		args = append(args, "./"+p.folder)
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
})

func TestMain(m *testing.M) {
	var err error
	if bin, err = os.MkdirTemp("", "examples"); err != nil {
		log.Fatal(err)
	}
	status := m.Run()
	if err := os.RemoveAll(bin); err != nil {
		log.Fatal(err)
	}
	os.Exit(status)
}

func TestProgramsOnABrokerInMemory(t *testing.T) {
	t.Parallel()
	for _, p := range programs {
		t.Run(p.folder, func(t *testing.T) {
			t.Parallel()
			stdout, stderr := run(t, p.folder, "")
			compare(t, stdout, p.story)
			if first, _, _ := strings.Cut(stderr, "\n"); !p.offline && !strings.Contains(first, "using a broker in memory") {
				t.Errorf("the first line on stderr is %q, want one about the broker in memory", first)
			}
		})
	}
}

func TestProgramsOnTheBrokerOfAMQPURL(t *testing.T) {
	t.Parallel()
	rabbit.NeedsNetwork(t, "programs are processes of their own")
	for _, p := range programs {
		t.Run(p.folder, func(t *testing.T) {
			t.Parallel()
			url := rabbit.URL(t)
			remove(t, url, p.queues, p.exchanges) // a killed run may have left them
			t.Cleanup(func() { remove(t, url, p.queues, p.exchanges) })
			stdout, stderr := run(t, p.folder, url)
			compare(t, stdout, p.story)
			t.Log(stdout)
			if strings.Contains(stderr, "in memory") {
				t.Errorf("a broker in memory was used:\n%s", stderr)
			}
		})
	}
}

func TestProgramsEndOnCtrlC(t *testing.T) {
	t.Parallel()
	for _, p := range programs {
		if p.offline {
			continue
		}
		t.Run(p.folder, func(t *testing.T) {
			t.Parallel()
			cmd := command(t, p.folder, "")
			var stdout strings.Builder
			cmd.Stdout = &stdout
			stderr, err := cmd.StderrPipe()
			if err := errors.Join(err, cmd.Start()); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewReader(stderr)
			if _, err := lines.ReadString('\n'); err != nil { // wait until it has started
				t.Error(err)
			}
			if err := cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
				t.Error(err)
			}
			rest, _ := io.ReadAll(lines)
			err = cmd.Wait()
			if state, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && state.Signal() == syscall.SIGINT {
				compare(t, stdout.String(), p.story) // it no longer listened, so it must have been done
			} else if err != nil {
				t.Errorf("%v\n%s", err, rest)
			}
		})
	}
}

// TestProgramsAreShortAndInTheIndex counts lines that are neither blank nor comments.
func TestProgramsAreShortAndInTheIndex(t *testing.T) {
	t.Parallel()
	index, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	folders, err := filepath.Glob("*/main.go")
	if err != nil || len(folders) != len(programs)+1 {
		t.Errorf("%d programs (%v), want %d and signup: each needs a row in this test", len(folders), err, len(programs))
	}
	for _, p := range programs {
		if !strings.Contains(string(index), "`go run ./examples/"+p.folder+"`") {
			t.Errorf("README.md lacks the command of %s", p.folder)
		}
		files, err := filepath.Glob(p.folder + "/*")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if n := countLines(t, file); n > maxLines {
				t.Errorf("%s has %d lines, want at most %d", file, n, maxLines)
			}
		}
	}
}

func countLines(t *testing.T, file string) (n int) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			n++
		}
	}
	return n
}

// run runs a program to its end.
func run(t *testing.T, folder, url string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := command(t, folder, url)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Error(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("stdout:\n%s\nstderr:\n%s", &out, &errs)
		}
	})
	return out.String(), errs.String()
}

// command returns the command of a program, with the root of the repository as its folder.
func command(t *testing.T, folder, url string) *exec.Cmd {
	t.Helper()
	if err := build(); err != nil {
		t.Fatal(err)
	}
	for _, interpreter := range []string{"python3", "node"} {
		if _, err := exec.LookPath(interpreter); err != nil && folder == "scripts" {
			t.Fatalf("%v: run scripts/languages to install it", err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, filepath.Join(bin, folder))
	cmd.Dir, cmd.Env = "..", append(os.Environ(), "AMQP_URL="+url)
	return cmd
}

// compare matches each line with the first sequence of which it is the next one.
func compare(t *testing.T, printed string, story [][]string) {
	t.Helper()
	left := slices.Clone(story)
	for line := range strings.Lines(printed) {
		line = strings.TrimSuffix(line, "\n")
		at := slices.IndexFunc(left, func(next []string) bool {
			if len(next) == 0 {
				return false
			}
			start, more := strings.CutSuffix(next[0], "…")
			return line == start || more && strings.HasPrefix(line, start)
		})
		if at < 0 {
			t.Errorf("unexpected line %q", line)
			continue
		}
		left[at] = left[at][1:]
	}
	if missing := slices.Concat(left...); len(missing) > 0 {
		t.Errorf("missing: %q", missing)
	}
}

func remove(t *testing.T, url string, queues, exchanges []string) {
	t.Helper()
	ch := rabbit.Channel(t, url)
	for _, queue := range queues {
		for _, name := range []string{queue, queue + ".dlq"} {
			if _, err := ch.QueueDelete(name, false, false, false); err != nil {
				t.Error(err)
			}
		}
	}
	for _, exchange := range exchanges {
		if err := ch.ExchangeDelete(exchange, false, false); err != nil {
			t.Error(err)
		}
	}
}
