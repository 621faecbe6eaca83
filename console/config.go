package console

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/codec/seal"
	"github.com/warren-mq/warren/internal/check"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// Config configures a Console. Broker must be set.
type Config struct {
	// Broker is the broker whose workers the console shows. To control workers, its user must
	// be one that they obey: see fleet.Config.Users. To listen to announcements, the user needs
	// permission to configure, write and read "warren.fleet.*" and to read "warren.fleet".
	Broker broker.Config
	// Path is where the handler is mounted. It begins and ends with a slash. Empty means
	// /console/.
	Path string
	// Brokers are the consoles of several brokers, this one included. The pages link to all of
	// them. A person who logs in at one of them is logged in at the others of the same process
	// that have the same token. Empty means that there are no others.
	Brokers []Link
	// Topology returns the topology whose queues are shown in addition to the announced ones.
	// It must be safe for concurrent use. It may be nil.
	Topology func() topology.Topology
	// Control permits actions. If it is false, the console only shows.
	Control bool
	// Token returns the token that people and programs must present. It is called for each
	// request. Without a token, and without Authorize, only requests from this machine to a
	// loopback address are answered. Requests through a proxy or a Unix socket are refused.
	Token func() (string, error)
	// Authorize replaces Token: it returns who has sent the request, or an error if that may
	// not see the console. The error's text is shown.
	Authorize func(*http.Request) (Access, error)
	// TraceURL is the address of a trace in another program, with {trace} in place of the trace
	// id, such as https://tempo.example.org/trace/{trace}. Empty means no links.
	TraceURL string
	// Check checks the body of an edited message of a queue, or of a message that is published,
	// for which queue is empty. If it returns an error, the message is not published. It may be
	// nil.
	Check func(queue string, m *message.Message) error
	// Replicas returns the replicas of a quorum queue or stream, and nil for a classic queue. AMQP does not
	// show them; RabbitMQ's management plugin does. It is called at most every 10 s for each queue
	// whose page is open. It may be nil.
	Replicas func(ctx context.Context, queue string) (*Replicas, error)
	// Notes keeps the notes of operators on dead letters: see OpenNotes. Consoles of several
	// brokers may share it. Nil means that notes are kept in memory, and end with the process.
	Notes *Notes
	// Keys opens sealed bodies (package codec/seal) for everyone who may see the console. Nil
	// means that the console shows only the ids of their keys.
	Keys *seal.Ring
	// Idle is how long after the last request the console disconnects from the broker. Zero
	// means 10 min. If it is negative, the console stays connected, so that the charts have no
	// gaps.
	Idle time.Duration
	// Logger logs each action, with the user. Nil means slog.Default().
	Logger *slog.Logger
}

// Link leads to the console of a broker.
type Link struct {
	Name string // of the broker
	Path string // of the console: see Config.Path
}

// Access is what a user of the console may do.
type Access struct {
	User     string // for the log, and for the record in replayed messages
	ReadOnly bool   // the user may not act, even if Config.Control is set
}

var validPath = regexp.MustCompile(`^/([A-Za-z0-9._~-]+/)*$`)

// Validate returns all faults of c in one error.
func (c Config) Validate() error {
	f := check.Of("console")
	f.Add(c.Broker.Validate())
	f.Addf(c.Path != "" && !validPath.MatchString(c.Path), "Path is %q, want a path such as /console/", c.Path)
	path := cmp.Or(c.Path, defaultPath)
	for _, link := range c.Brokers {
		f.Addf(!validPath.MatchString(link.Path), "Brokers has the path %q for %q, want a path such as /console/", link.Path, link.Name)
	}
	f.Addf(len(c.Brokers) > 0 && !slices.ContainsFunc(c.Brokers, func(l Link) bool { return l.Path == path }), "Brokers does not have Path, %q, want this console among them", path)
	f.Addf(c.TraceURL != "" && !isTraceURL(c.TraceURL), "TraceURL is %q, want an http or https URL that contains {trace}", c.TraceURL)
	return f.Err()
}

func isTraceURL(url string) bool {
	return strings.Contains(url, "{trace}") && (strings.HasPrefix(url, "https://") || strings.HasPrefix(url, "http://"))
}

// defaultPath is the default of Config.Path.
const defaultPath = "/console/"

func (c Config) withDefaults() Config {
	c.Path = cmp.Or(c.Path, defaultPath)
	c.Idle = cmp.Or(c.Idle, 10*time.Minute)
	if c.Token == nil {
		c.Token = func() (string, error) { return "", nil }
	}
	if c.Notes == nil {
		c.Notes = new(Notes)
	}
	if c.Topology == nil {
		c.Topology = func() topology.Topology { return topology.Topology{} }
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if log := c.Logger; c.Broker.OnConnectFailed == nil {
		c.Broker.OnConnectFailed = func(_ string, err error) { log.Debug("console: connect failed", "error", err) }
	}
	return c
}
