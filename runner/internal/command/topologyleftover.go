package command

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/warren-mq/warren/internal/amqp/limit"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/management"
	"github.com/warren-mq/warren/runner/internal/wiring"
	"github.com/warren-mq/warren/topology"
)

// leftovers are the bindings and queues that the broker may have and the configuration
// lacks.
type leftovers struct {
	bindings []topology.Binding // of queues that the configuration has
	families []family
	unknown  []string // work queues that may be another program's

	configured []topology.Queue // a family may have a queue with the name of one of these
}

// family is a leftover work queue with the queues that belong to it.
type family struct {
	queue      topology.Queue
	partitions int                // that the queue may have
	letters    string             // the dead-letter queue; empty if there is none, or if others share it
	bindings   []topology.Binding // to the program's exchanges
}

// stage is a set of queues that are deleted together.
type stage struct {
	queues  []topology.Queue
	records bool // of stops, which are deleted with their messages
}

// stages are the parking queue, the work queue, its partitions, their records of stops, the queue that an earlier version
// held retries in, and the dead-letter queue, in the order in which they may be deleted: each
// takes what comes out of the one before.
func (f family) stages() []stage {
	name := f.queue.Name
	stops := topology.Stops(name).Queues
	if _, isShare := shareOf(name); isShare {
		return []stage{stageOf(f.queue), {stops, true}}
	}
	if strings.HasSuffix(name, dlqSuffix) {
		return []stage{stageOf(f.queue)}
	}
	var partitions []topology.Queue
	for n := range f.partitions {
		partitions = append(partitions, topology.Queue{Name: topology.Partition(name, n)})
		stops = append(stops, topology.Stops(topology.Partition(name, n)).Queues...)
	}
	all := []stage{
		stageOf(topology.Queue{Name: topology.ParkingQueue(name)}), stageOf(f.queue), stageOf(partitions...),
		{stops, true},
		stageOf(topology.Queue{Name: "warren.delay.for." + name}),
	}
	if f.letters != "" {
		all = append(all, stageOf(topology.Queue{Name: f.letters}))
	}
	return all
}

func stageOf(queues ...topology.Queue) stage { return stage{queues: queues} }

// isSlot reports whether a queue is the slot of a limit. The messages in it do not keep the queue.
func isSlot(name string) bool { return strings.HasPrefix(name, limit.QueuePrefix) }

// shareOf reports whether a queue is a partition or the slot of a limit, and returns the first one
// of these.
func shareOf(name string) (first string, ok bool) {
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return "", false
	}
	n, err := strconv.Atoi(name[i+1:])
	if err != nil || strconv.Itoa(n) != name[i+1:] {
		return "", false
	}
	queue, isPartition := strings.CutSuffix(name[:i], ".partition")
	return name[:i] + ".0", isSlot(name) || isPartition && topology.Partition(queue, n) == name
}

// dlqSuffix is the suffix of the names of dead-letter queues.
var dlqSuffix = topology.DeadLetterQueue("")

// search holds the sources of leftovers, besides broker.management_url.
type search struct {
	was      string   // file of a former configuration
	queues   []string // names
	bindings []string // EXCHANGE:KEY:QUEUE
}

// leftovers returns the leftovers of s that are not in c.
func (p *Program) leftovers(ctx context.Context, c *config.Config, s search) (leftovers, error) {
	l := leftovers{configured: withOthers(c).Queues}
	if s.was != "" {
		was, err := p.former(s.was)
		if err != nil {
			return l, err
		}
		l.addFormer(was, c)
		l.addShares(was, c)
	}
	if err := l.addNamed(c, s); err != nil {
		return l, err
	}
	if c.Broker.ManagementURL.IsZero() {
		return l, nil
	}
	client, err := managementClient(c)
	if err != nil {
		return l, err
	}
	defer client.Close()
	return l, l.addManaged(ctx, c, client)
}

// withOthers returns the topology of c, with the queues that c consumes and others own.
func withOthers(c *config.Config) topology.Topology {
	t := wiring.Topology(c)
	for _, q := range c.Queues {
		if !topology.Mode(q.Topology).Manages() {
			t.Queues = append(t.Queues, topology.Queue{Name: q.Name})
		}
	}
	return t
}

func (l *leftovers) addFormer(was, c *config.Config) {
	former := wiring.Topology(was)
	for _, old := range config.Leftovers(was, c) {
		if old.Queue == nil {
			l.addBinding(old.Binding)
			continue
		}
		f := l.family(old.Queue.Name)
		f.bindings, f.letters, f.partitions = old.Queue.AllBindings(), "", old.Queue.Partitions
		for _, q := range former.Queues {
			switch {
			case q.Name == f.queue.Name:
				f.queue = q
			case q.Name == old.Queue.DeadLetterQueue() && !sharesLetters(was, *old.Queue):
				f.letters = q.Name
			}
		}
	}
}

// addShares adds the slots and partitions of was that c lacks. The partitions of a queue that c lacks
// belong to its family.
func (l *leftovers) addShares(was, c *config.Config) {
	now := withOthers(c)
	for _, q := range was.Queues {
		var shares []topology.Queue
		if topology.Mode(was.Broker.Topology).Manages() {
			for _, s := range q.Slots() {
				shares = append(shares, s.Topology().Queues...)
			}
		}
		if topology.Mode(q.Topology).Manages() && has(now.Queues, q.Name) {
			for n := range q.Partitions {
				shares = append(shares, topology.Queue{Name: topology.Partition(q.Name, n)})
			}
		}
		for _, share := range shares {
			if !has(now.Queues, share.Name) {
				l.family(share.Name)
			}
		}
	}
}

// sharesLetters reports whether other queues have the same dead-letter queue.
func sharesLetters(c *config.Config, q config.Queue) bool {
	return slices.ContainsFunc(c.Queues, func(other config.Queue) bool {
		return other.Name != q.Name && other.Broker == q.Broker && other.DeadLetterQueue() == q.DeadLetterQueue()
	})
}

func has(queues []topology.Queue, name string) bool {
	return slices.ContainsFunc(queues, func(q topology.Queue) bool { return q.Name == name })
}

// addNamed adds the queues and bindings that were named. It returns an error for those in
// c, because the runner would declare them again.
func (l *leftovers) addNamed(c *config.Config, s search) error {
	t := withOthers(c)
	for _, name := range s.queues {
		switch {
		case has(t.Queues, name):
			return usage(fmt.Errorf("runner: queue %q is in the configuration: remove it there first", name))
		case name == "" || strings.HasPrefix(name, "warren.") && !isSlot(name) || strings.HasPrefix(name, "amq."):
			return usage(fmt.Errorf("runner: queue %q belongs to the broker or is shared, want the name of a work queue", name))
		}
		f := l.family(name)
		if len(topology.Partition(name, topology.MaxPartitions)) <= topology.MaxShortString {
			f.partitions = topology.MaxPartitions // how many there are is not known
		}
	}
	for _, text := range s.bindings {
		b, err := parseBinding(text)
		if err != nil {
			return usage(err)
		}
		if slices.ContainsFunc(t.Bindings, func(other topology.Binding) bool { return config.SameBinding(b, other) }) {
			return usage(fmt.Errorf("runner: binding %s is in the configuration: remove it there first", text))
		}
		if strings.HasPrefix(b.Exchange, "warren.") || b.Exchange == "" {
			return usage(fmt.Errorf("runner: --binding %s: queues cannot be unbound from exchange %q", text, b.Exchange))
		}
		if i := slices.IndexFunc(c.Queues, func(q config.Queue) bool { return q.Name == b.Queue && !topology.Mode(q.Topology).Manages() }); i >= 0 {
			return usage(fmt.Errorf("runner: --binding %s: queue %q has another owner: its topology is %s", text, b.Queue, c.Queues[i].Topology))
		}
		l.addBinding(b)
	}
	return nil
}

// addManaged adds what the management plugin finds. Bindings of a configured queue that
// are not in c are left over, unless the queue has another owner. A work queue that is not in c
// is only reported, because it may belong to another program.
func (l *leftovers) addManaged(ctx context.Context, c *config.Config, client *management.Client) error {
	t := withOthers(c)
	for _, q := range c.Queues {
		if !topology.Mode(q.Topology).Manages() {
			continue // its bindings have another owner, too
		}
		found, err := client.Bindings(ctx, q.Name)
		if err != nil {
			return err
		}
		l.bindings = slices.DeleteFunc(l.bindings, func(b topology.Binding) bool {
			return b.Queue == q.Name && !slices.ContainsFunc(found, func(other topology.Binding) bool { return config.SameBinding(b, other) })
		})
		for _, b := range found {
			if !strings.HasPrefix(b.Exchange, "warren.") &&
				!slices.ContainsFunc(t.Bindings, func(other topology.Binding) bool { return config.SameBinding(b, other) }) {
				l.addBinding(b)
			}
		}
	}
	for i, f := range l.families {
		found, err := client.Bindings(ctx, f.queue.Name)
		if err != nil {
			return err
		}
		l.families[i].bindings = slices.DeleteFunc(found, func(b topology.Binding) bool { return strings.HasPrefix(b.Exchange, "warren.") })
	}
	queues, err := client.Queues(ctx)
	if err != nil {
		return err
	}
	l.addQueues(t, queues)
	return nil
}

// addQueues adds the queues of the broker that look like queues of Warren. A slot or a partition is left
// over if the first one is in t.
func (l *leftovers) addQueues(t topology.Topology, queues []topology.Queue) {
	for _, q := range queues {
		first, isShare := shareOf(q.Name)
		work, isDLQ := strings.CutSuffix(q.Name, dlqSuffix)
		isWork := q.Arguments["x-dead-letter-exchange"] == topology.DeadLetterExchange && !strings.HasSuffix(q.Name, topology.ParkingQueue(""))
		i := slices.IndexFunc(l.families, func(f family) bool { return f.queue.Name == q.Name })
		switch {
		case i >= 0:
			l.families[i].queue.Arguments = q.Arguments
		case has(t.Queues, q.Name):
		case isShare && has(t.Queues, first):
			l.family(q.Name)
		case isWork, isDLQ && !has(queues, work) && !slices.ContainsFunc(l.families, func(f family) bool { return f.queue.Name == work }):
			l.unknown = append(l.unknown, q.Name)
		}
	}
}

// addBinding adds b. If its queue is left over, b is added to the queue's family.
func (l *leftovers) addBinding(b topology.Binding) {
	to := &l.bindings
	if i := slices.IndexFunc(l.families, func(f family) bool { return f.queue.Name == b.Queue }); i >= 0 {
		to = &l.families[i].bindings
	}
	if !slices.ContainsFunc(*to, func(other topology.Binding) bool { return config.SameBinding(b, other) }) {
		*to = append(*to, b)
	}
}

// family returns the family of a work queue. It adds the family if it is missing.
func (l *leftovers) family(queue string) *family {
	i := slices.IndexFunc(l.families, func(f family) bool { return f.queue.Name == queue })
	if i < 0 {
		i = len(l.families)
		l.families = append(l.families, family{queue: topology.Queue{Name: queue}, letters: topology.DeadLetterQueue(queue)})
	}
	return &l.families[i]
}

func managementClient(c *config.Config) (*management.Client, error) {
	b, err := wiring.Broker(c.Broker)
	if err != nil {
		return nil, err
	}
	address, err := c.Broker.ManagementURL.Reveal()
	if err != nil {
		return nil, fmt.Errorf("runner: broker.management_url: %w", err)
	}
	vhost, err := virtualHost(c)
	if err != nil {
		return nil, err
	}
	u, err := firstURL(b)
	if err != nil {
		return nil, err
	}
	return management.New(management.Config{URL: address, User: u.User, TLS: b.TLS}, vhost)
}

// parseBinding reads EXCHANGE:KEY:QUEUE. In the names, : and % are written as %XX.
func parseBinding(text string) (topology.Binding, error) {
	exchange, rest, ok := strings.Cut(text, ":")
	last := strings.LastIndex(rest, ":")
	if !ok || last < 0 {
		return topology.Binding{}, fmt.Errorf("runner: --binding is %q, want EXCHANGE:KEY:QUEUE", text)
	}
	b := topology.Binding{Key: rest[:last]}
	var errs [2]error
	b.Exchange, errs[0] = url.PathUnescape(exchange)
	b.Queue, errs[1] = url.PathUnescape(rest[last+1:])
	if err := errors.Join(errs[:]...); err != nil || b.Queue == "" {
		return b, fmt.Errorf("runner: --binding is %q, want EXCHANGE:KEY:QUEUE with : and %% of the names as %%3A and %%25", text)
	}
	return b, nil
}

// bindingText returns b in the format that parseBinding reads.
func bindingText(b topology.Binding) string {
	escape := strings.NewReplacer("%", "%25", ":", "%3A").Replace
	return escape(b.Exchange) + ":" + b.Key + ":" + escape(b.Queue)
}

// pruneCommand returns the command that removes l.
func (p *Program) pruneCommand(l config.Leftover) string {
	words := []string{"runner topology prune" + p.fileFlag() + brokerFlag(l.Broker)}
	bindings := []topology.Binding{l.Binding}
	if l.Queue != nil {
		words, bindings = append(words, "queue", quoted(l.Queue.Name)), l.Queue.AllBindings()
	}
	for _, b := range bindings {
		if len(b.Arguments) > 0 {
			return words[0] + " --was FILE, where FILE is the former configuration"
		}
		words = append(words, "--binding", quoted(bindingText(b)))
	}
	return strings.Join(words, " ")
}
