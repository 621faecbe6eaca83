package console

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/warren-mq/warren/internal/amqp/fleet"
	"github.com/warren-mq/warren/internal/printable"
	"github.com/warren-mq/warren/topology"
)

// snapshot is what the console knows at one time. It is not changed after it was made, so that
// pages share it.
type snapshot struct {
	At        time.Time    `json:"at"`
	Fault     string       `json:"fault,omitempty"`  // why there is no connection
	Deaf      string       `json:"deaf,omitempty"`   // why no announcements are received
	Settled   bool         `json:"settled"`          // each process had the time to announce itself
	Broker    string       `json:"broker,omitempty"` // version
	Processes []process    `json:"processes"`
	Queues    []queue      `json:"queues"`
	Parkings  []parking    `json:"parkings"`
	Levels    int          `json:"levels"` // messages that wait in the levels
	Groups    []schedulers `json:"schedulers,omitempty"`
	Commands  []command    `json:"commands,omitempty"` // executed lately, the latest first
	Problems  []problem    `json:"problems"`
	seen      []fleet.Seen // the processes, in the same order
	Invalid   int          `json:"invalid_announcements,omitempty"`
	Uncounted int          `json:"uncounted_queues,omitempty"` // that the broker did not count in time
	Total     sample       `json:"total"`
	history   []sample     // of all queues together
}

// process is a process that announces itself.
type process struct {
	ID       string        `json:"id"`
	Host     string        `json:"host"`
	PID      int           `json:"pid"`
	Program  string        `json:"program,omitempty"`
	Version  string        `json:"version,omitempty"`
	Warren   string        `json:"warren,omitempty"`
	User     string        `json:"user"`
	Started  time.Time     `json:"started"`
	Received time.Time     `json:"received"`
	Missing  bool          `json:"missing"`
	Ready    bool          `json:"ready"`
	Reasons  []string      `json:"reasons,omitempty"`
	Queues   []memberQueue `json:"queues"`
	InHand   []inHand      `json:"in_hand"`
	Last     *failure      `json:"last_error,omitempty"`
	Limits   []fleet.Limit `json:"limits,omitempty"`
	Omitted  int           `json:"omitted,omitempty"`
}

// memberQueue is a queue as one process consumes it.
type memberQueue struct {
	Process     string  `json:"process"`
	Host        string  `json:"host"`
	Missing     bool    `json:"missing,omitempty"`
	Name        string  `json:"name"`
	DLQ         string  `json:"dead_letter_queue,omitempty"`
	State       string  `json:"state"`
	Error       string  `json:"error,omitempty"`
	Concurrency int     `json:"concurrency"`
	Prefetch    int     `json:"prefetch"`
	InHand      int     `json:"in_hand"`
	Overdue     int     `json:"overdue,omitempty"`
	OK          float64 `json:"ok_per_second"`
	Retry       float64 `json:"retry_per_second"`
	Dead        float64 `json:"dead_per_second"`
	Partitions  int     `json:"partitions,omitempty"` // that the queue has
	Consumes    []int   `json:"consumes,omitempty"`   // the partitions that the process consumes
	Adaptive    int     `json:"adaptive_limit,omitempty"`
	Breaker     string  `json:"breaker,omitempty"` // its state
	Waiting     int     `json:"breaker_waiting,omitempty"`

	settled time.Time // when the newest settled message was published
}

// inHand is a message that a process handles.
type inHand struct {
	Process   string        `json:"process"`
	Host      string        `json:"host"`
	ID        string        `json:"id"`
	Queue     string        `json:"queue"`
	Handler   string        `json:"handler"`
	Key       string        `json:"key"`
	Attempt   int           `json:"attempt"`
	Age       time.Duration `json:"age_ns"`
	Cancelled string        `json:"cancelled_by,omitempty"`
	Percent   int           `json:"percent,omitempty"` // of the work, as the handler says
}

type failure struct {
	At    time.Time `json:"at"`
	Queue string    `json:"queue"`
	ID    string    `json:"id,omitempty"`
	Error string    `json:"error"`
}

// queue is a work queue: what the broker counts, and the processes that consume it.
type queue struct {
	Name        string        `json:"name"`
	Counted     bool          `json:"counted"`
	Ready       int           `json:"ready"` // in the queue and its partitions
	Partitions  int           `json:"partitions,omitempty"`
	InPartition []int         `json:"in_partitions,omitempty"` // the ready messages of each
	Consumers   int           `json:"consumers"`
	DLQ         string        `json:"dead_letter_queue"`
	Dead        int           `json:"dead_letters"`
	Readers     int           `json:"dead_letter_consumers,omitempty"` // should be none
	Fault       string        `json:"fault,omitempty"`                 // why the broker does not count it
	Members     []memberQueue `json:"members"`
	Concurrency int           `json:"concurrency"`
	InHand      int           `json:"in_hand"`
	Overdue     int           `json:"overdue,omitempty"`
	OKRate      float64       `json:"ok_per_second"`
	RetryRate   float64       `json:"retry_per_second"`
	DeadRate    float64       `json:"dead_per_second"`
	Type        string        `json:"type,omitempty"`
	Priorities  int           `json:"max_priority,omitempty"`
	Oldest      time.Duration `json:"oldest_waiting_ns,omitempty"` // no ready message waits for longer; 0 if that is not known
	history     []sample
}

// parking is a parking queue of delayed messages.
type parking struct {
	Queue     string    `json:"queue"`
	For       string    `json:"for"` // the work queue or exchange
	Exchange  bool      `json:"exchange"`
	Held      int       `json:"held"`
	Ready     int       `json:"ready"`
	Next      time.Time `json:"next,omitzero"`
	Fault     string    `json:"fault,omitempty"`
	Processes int       `json:"processes"`
}

// schedulers are the processes of one group of schedulers.
type schedulers struct {
	Group   string            `json:"group"`
	Members []schedulerMember `json:"members"`
}

type schedulerMember struct {
	Process string    `json:"process"`
	Host    string    `json:"host"`
	Role    string    `json:"role"`
	Last    time.Time `json:"last,omitzero"`
	Reasons []string  `json:"reasons,omitempty"`
	Missing bool      `json:"missing,omitempty"`
}

// command is a command that a process has executed or refused.
type command struct {
	At      time.Time `json:"at"`
	By      string    `json:"by"`
	Process string    `json:"process"`
	Host    string    `json:"host"`
	What    string    `json:"what"`
	Result  string    `json:"result,omitempty"`
	Error   string    `json:"error,omitempty"`
}

// wordsOf describes a command.
func wordsOf(c fleet.Command) string {
	n := ""
	if c.Concurrency != 0 {
		n = count(c.Concurrency)
	}
	return line(strings.Join(strings.Fields(strings.Join([]string{c.Name, c.Queue, c.ID, c.Level, c.Verdict, c.Group, c.Schedule, n}, " ")), " "))
}

// bounded returns a rate that can be added and shown: anyone who may publish to the exchange
// of announcements can send any number.
func bounded(x float64) float64 { return min(max(x, 0), 1e9) }

func boundedInt(n int) int { return min(max(n, 0), 1e9) }

// oldest is the largest age of a message in hand; larger ones are not true.
const oldest = 10 * 365 * 24 * time.Hour

// view adds the announcements to the snapshot.
func (s *snapshot) view(seen []fleet.Seen) {
	s.seen = seen
	groups := make(map[string]*schedulers)
	for _, a := range seen {
		p := processOf(a)
		s.Processes = append(s.Processes, p)
		if sc := a.Schedules; sc != nil {
			g := groups[sc.Group]
			if g == nil {
				g = &schedulers{Group: sc.Group}
				groups[sc.Group] = g
			}
			g.Members = append(g.Members, schedulerMember{p.ID, p.Host, line(sc.Role), sc.Last, lines(sc.Reasons), p.Missing})
		}
	}
	for _, name := range firstNames(groups) {
		s.Groups = append(s.Groups, *groups[name])
	}
}

func processOf(a fleet.Seen) process {
	p := process{
		ID: a.Process.ID, Host: line(a.Process.Host), PID: a.Process.PID, Program: line(a.Process.Program), Version: line(a.Process.Version),
		Warren: line(a.Process.Warren), User: line(a.User), Started: a.Process.Started, Received: a.Received, Missing: a.Missing,
		Ready: a.Ready, Reasons: lines(a.Reasons), Omitted: boundedInt(a.Omitted), Queues: []memberQueue{}, InHand: []inHand{},
	}
	for _, q := range a.Queues {
		p.Queues = append(p.Queues, memberQueue{
			Process: p.ID, Host: p.Host, Missing: p.Missing, Name: q.Name, DLQ: announcedName(q.DeadLetters), State: line(q.State), Error: line(q.Error),
			Concurrency: boundedInt(q.Concurrency), Prefetch: boundedInt(q.Prefetch), InHand: boundedInt(q.InHand), Overdue: boundedInt(q.Overdue),
			OK: bounded(q.OK), Retry: bounded(q.Retry), Dead: bounded(q.Dead), settled: q.Settled,
			Partitions: q.Partitions, Consumes: q.Consumes,
			Adaptive: boundedInt(q.AdaptiveLimit), Breaker: line(q.Breaker), Waiting: boundedInt(q.BreakerWaiting),
		})
	}
	for _, l := range a.Limits {
		p.Limits = append(p.Limits, fleet.Limit{Name: line(l.Name), Slots: boundedInt(l.Slots), Held: boundedInt(l.Held), Waiting: boundedInt(l.Waiting)})
	}
	for _, m := range a.InHand {
		p.InHand = append(p.InHand, inHand{
			Process: p.ID, Host: p.Host, ID: m.ID, Queue: m.Queue, Handler: line(m.Handler), Key: line(m.Key), Attempt: boundedInt(m.Attempt),
			Age: min(time.Duration(min(max(m.AgeMS, 0), int64(oldest/time.Millisecond)))*time.Millisecond, oldest), Cancelled: line(m.Cancelled),
			Percent: int(min(max(m.Progress, 0), 1) * 100),
		})
	}
	if f := a.LastError; f != nil {
		p.Last = &failure{f.At, line(f.Queue), line(f.ID), line(f.Error)}
	}
	return p
}

// announcedName returns a name of a queue that anyone may have announced, or "" if it is not one.
func announcedName(name string) string {
	if topology.CheckName("queue", name) != nil {
		return ""
	}
	return name
}

func lines(all []string) []string {
	out := make([]string, len(all))
	for i, text := range all {
		out[i] = line(text)
	}
	return out
}

// queueNames returns the names of the queues that processes announce or the topology has.
func (s *snapshot) queueNames(t topology.Topology) []string {
	names := make(map[string]bool)
	for _, p := range s.Processes {
		for _, q := range p.Queues {
			names[q.Name] = true
		}
	}
	declared := make(map[string]bool, len(t.Queues))
	for _, q := range t.Queues {
		declared[q.Name] = true
	}
	for name := range declared {
		if dlq, _ := t.DeadLetterQueue(name); dlq != "" || declared[topology.ParkingQueue(name)] {
			names[name] = true
		}
	}
	maps.DeleteFunc(names, func(name string, _ bool) bool { return !isQueue(name) })
	return firstNames(names)
}

// firstNames returns the keys of a map of queues or groups, as many of them as the console shows.
func firstNames[V any](m map[string]V) []string {
	all := slices.Sorted(maps.Keys(m))
	return all[:min(len(all), maxQueues)]
}

// isQueue reports whether a name, which anyone may have announced, is the name of a work queue. A
// name that is too long for the protocol would cost the connection.
func isQueue(name string) bool {
	return name != "" && len(topology.DeadLetterQueue(name)) <= topology.MaxShortString && topology.CheckName("queue", name) == nil
}

// deadLetterQueue returns the name of the queue that takes the dead letters of a work queue: as
// the topology has it, or as a process announces it. It is empty if there is none.
func (s *snapshot) deadLetterQueue(t topology.Topology, name string) string {
	if dlq, known := t.DeadLetterQueue(name); known {
		return dlq
	}
	for _, p := range s.Processes {
		for _, q := range p.Queues {
			if q.Name == name {
				return q.DLQ
			}
		}
	}
	return topology.DeadLetterQueue(name)
}

// maxQueues bounds the queues, the parking queues and the groups of schedulers that are shown, since
// anyone may have announced them.
const maxQueues = 500

// arrange adds the queues, with the counts of the broker.
func (s *snapshot) arrange(names []string, counts counts, t topology.Topology, h *histories) {
	at := make(map[string]int, len(names))
	for i, name := range names {
		at[name] = i
		c, asked := counts.queues[name]
		if counts.cut && !asked {
			s.Uncounted++
		}
		q := queue{
			Name: name, DLQ: s.deadLetterQueue(t, name), Counted: c.counted, Ready: c.ready, Consumers: c.consumers, Dead: c.dead,
			Readers: c.readers, Fault: line(c.fault), Members: []memberQueue{}, Partitions: partitionsOf(t, name), InPartition: c.partitions,
		}
		q.Type, q.Priorities = kindOf(t, name)
		s.Queues = append(s.Queues, q)
	}
	for _, p := range s.Processes {
		for _, m := range p.Queues {
			if i, ok := at[m.Name]; ok {
				s.Queues[i].join(m)
			}
		}
	}
	shared := make(map[string]bool)
	for i := range s.Queues {
		s.Queues[i].history = h.of(s.Queues[i].Name)
		s.Queues[i].Oldest = s.Queues[i].oldestWaiting(s.At)
		one := s.Queues[i].sample(s.At)
		if dlq := s.Queues[i].DLQ; shared[dlq] {
			one.DLQ = 0 // counted for another work queue
		} else {
			shared[dlq] = true
		}
		s.Total.add(one)
	}
	s.Total.At, s.history = s.At, h.of("")
	s.Levels = counts.levels
	s.park(counts)
}

// join adds a process that consumes the queue. A missing process counts as stopped.
func (q *queue) join(m memberQueue) {
	q.Members = append(q.Members, m)
	if len(topology.Partition(q.Name, topology.MaxPartitions)) <= topology.MaxShortString {
		q.Partitions = max(q.Partitions, m.Partitions)
	}
	if m.Missing {
		return
	}
	q.Concurrency += m.Concurrency
	q.InHand += m.InHand
	q.Overdue += m.Overdue
	q.OKRate += m.OK
	q.RetryRate += m.Retry
	q.DeadRate += m.Dead
}

// oldestWaiting returns how long a ready message waits at most, apart from requeued ones, or 0 if
// that is not known. Without priorities and partitions, each was published after the newest message
// that is settled, and after the queue was last empty. Only the topology shows whether the queue has
// priorities.
func (q *queue) oldestWaiting(now time.Time) time.Duration {
	if q.Ready == 0 || q.Priorities > 0 || q.Partitions > 0 || q.Type == "" {
		return 0
	}
	var since time.Time
	for _, m := range q.Members {
		if m.settled.After(since) {
			since = m.settled
		}
	}
	for _, s := range slices.Backward(q.history) {
		if s.Ready == 0 {
			if s.At.After(since) {
				since = s.At
			}
			break
		}
	}
	if since.IsZero() || now.Sub(since) > oldest {
		return 0
	}
	return max(now.Sub(since), time.Millisecond)
}

func (q *queue) sample(at time.Time) sample {
	return sample{at, q.OKRate, q.RetryRate, q.DeadRate, q.Ready, q.Dead}
}

// kindOf returns the type and the priorities of a queue, if the topology has it.
func kindOf(t topology.Topology, name string) (kind string, priorities int) {
	for _, q := range t.Queues {
		if q.Name == name {
			kind, _ = q.Arguments["x-queue-type"].(string)
			priorities, _ = q.Arguments["x-max-priority"].(int)
			return cmp.Or(kind, topology.Classic), priorities
		}
	}
	return "", 0
}

// partitionsOf returns the number of partitions of a queue, if the topology has them.
func partitionsOf(t topology.Topology, name string) (n int) {
	for slices.ContainsFunc(t.Queues, func(q topology.Queue) bool { return q.Name == topology.Partition(name, n) }) {
		n++
	}
	return n
}

// park adds the parking queues that processes consume.
func (s *snapshot) park(counts counts) {
	all := make(map[string]*parking)
	for _, a := range s.seen {
		for _, p := range a.Parking {
			if !topology.IsParking(p.Queue) || topology.CheckName("queue", p.Queue) != nil || a.Missing {
				continue
			}
			one := all[p.Queue]
			if one == nil {
				one = &parking{Queue: p.Queue, Ready: counts.parkings[p.Queue]}
				one.For, one.Exchange = parkedFor(p.Queue)
				all[p.Queue] = one
			}
			one.Processes++
			one.Held += boundedInt(p.Held)
			if one.Next.IsZero() || !p.Next.IsZero() && p.Next.Before(one.Next) {
				one.Next = p.Next
			}
			one.Fault = cmp.Or(one.Fault, line(p.Error))
		}
	}
	for _, name := range firstNames(all) {
		s.Parkings = append(s.Parkings, *all[name])
	}
}

// parkedFor returns the queue or exchange whose messages a parking queue holds.
func parkedFor(name string) (whose string, exchange bool) {
	if rest, ok := strings.CutPrefix(name, topology.ExchangeParkingPrefix); ok {
		return rest, true
	}
	return strings.TrimSuffix(name, topology.ParkingQueue("")), false
}

// find returns the queue with the name, or nil.
func (s *snapshot) find(name string) *queue {
	for i := range s.Queues {
		if s.Queues[i].Name == name {
			return &s.Queues[i]
		}
	}
	return nil
}

// inHand returns the messages in hand of all processes, the oldest first.
func (s *snapshot) inHand() []inHand {
	all := []inHand{}
	for _, p := range s.Processes {
		if !p.Missing {
			all = append(all, p.InHand...)
		}
	}
	slices.SortStableFunc(all, func(a, b inHand) int { return cmp.Compare(b.Age, a.Age) })
	return all
}

// note adds the commands that were executed since the last snapshot to the earlier ones.
func (s *snapshot) note(executed []fleet.Seen, earlier []command) {
	for _, e := range slices.Backward(executed) {
		c := e.Executed
		s.Commands = append(s.Commands, command{
			e.Received, line(c.By), e.Process.ID, line(e.Process.Host), wordsOf(c.Command), line(c.Result), line(c.Error),
		})
	}
	s.Commands = append(s.Commands, earlier...)
	s.Commands = s.Commands[:min(len(s.Commands), maxCommands)]
}

const maxCommands = 50

// printableName is a name for a table.
func printableName(name string) string { return printable.Cell(name) }
