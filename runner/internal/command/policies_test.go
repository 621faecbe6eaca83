package command_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/topology"
)

// catchAll is a policy that platforms set for all queues.
const catchAll = `{"expires": 1500, "message-ttl": 1200, "max-length": 2, "delivery-limit": 2}`

// TestTheExportedPolicyProtectsFromACatchAll: with the exported policies, messages that wait stay
// although a policy for all queues removes messages. They are lost if that policy has a higher
// priority.
func TestTheExportedPolicyProtectsFromACatchAll(t *testing.T) {
	t.Parallel()
	node, h := rabbit.Start(t), newHouse(t, topology.Trust)
	h.at(node)
	node.Policy(t, "all", ".*", 0, catchAll)
	node.Import(t, []byte(h.must("", "topology", "export")))
	conn := rabbit.Connect(t, node.URL())
	h.fill(conn)
	for queue, n := range h.left(conn) {
		if n != 3 {
			t.Errorf("%s has %d messages, want 3", queue, n)
		}
	}
	node.Policy(t, "all", ".*", 2_000_000, catchAll)
	h.left(conn)
	for _, queue := range h.keepers() {
		rabbit.Eventually(t, patience, func() bool { return depth(t, conn, queue) < 3 }, queue+" loses messages under a policy for all queues")
	}
}

// keepers are queues of each kind in which messages wait.
func (h *house) keepers() []string {
	return []string{
		h.id + ".mail.dlq", h.id + "-graveyard", h.id + ".mail.delay", "warren.delayed." + h.id + "-events",
		"warren.delay.64s", topology.UnroutedQueue, "warren.schedule.token." + h.id,
	}
}

// fill publishes 3 messages to each of the keepers.
func (h *house) fill(conn *amqp.Connection) {
	h.t.Helper()
	ch, err := conn.Channel()
	if err != nil {
		h.t.Fatal(err)
	}
	for _, queue := range h.keepers() {
		for range 3 {
			if err := ch.PublishWithContext(h.t.Context(), "", queue, false, false, amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte("x")}); err != nil {
				h.t.Fatal(err)
			}
		}
	}
}

// left waits for longer than the policy lets messages wait, looks at them five times, and
// returns how many are left. A quorum queue looks at its age every 5 s.
func (h *house) left(conn *amqp.Connection) map[string]int {
	h.t.Helper()
	<-time.After(7 * time.Second)
	left := make(map[string]int)
	for _, queue := range h.keepers() {
		for range 5 {
			look(h.t, conn, queue)
		}
		left[queue] = depth(h.t, conn, queue)
	}
	return left
}

// look takes the messages of a queue, and waits until they are requeued or gone. A queue with a
// single active consumer permits no such look.
func look(t *testing.T, conn *amqp.Connection, queue string) {
	t.Helper()
	before := depth(t, conn, queue)
	if before <= 0 {
		return
	}
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	for range before {
		if _, _, err := ch.Get(queue, false); err != nil {
			return
		}
	}
	if err := ch.Close(); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if depth(t, conn, queue) == before {
			return
		}
		<-time.After(50 * time.Millisecond)
	}
}

// TestTheExportAddsUsersWithoutPasswords, who have the printed permissions once they have a
// password.
func TestTheExportAddsUsersWithoutPasswords(t *testing.T) {
	t.Parallel()
	node, h := rabbit.Start(t), newHouse(t, topology.Manage)
	h.at(node)
	user := h.id + "-ada"
	node.Import(t, []byte(h.must("", "topology", "export", "--user", "operator="+user, "--new-users")))
	u, err := url.Parse(node.URL())
	if err != nil {
		t.Fatal(err)
	}
	for _, password := range []string{"", "secret"} {
		u.User = url.UserPassword(user, password)
		if conn, err := amqp.Dial(u.String()); err == nil {
			t.Errorf("the user logged in with the password %q, want a refusal: %v", password, conn.Close())
		}
	}
	node.ChangePassword(t, user, "secret")
	h.users["operator"] = u.String()
	h.must("operator", "queues", "ls")
	h.must("operator", "topology", "plan")
	if status, out := h.try("operator", "topology", "apply", "--set", "scheduler.name=other"); status == 0 || !strings.Contains(out, "refused") {
		t.Errorf("status %d, want a refusal for a name that is not in the configuration\n%s", status, out)
	}
}
