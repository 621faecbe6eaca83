package fleet

import (
	"slices"
	"time"

	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/topology"
)

// Bounds of messages. A sender keeps to them, and a receiver enforces them.
const (
	MaxAnnouncement = 256 << 10
	MaxCommand      = 4 << 10
	MaxAnswer       = 1 << 20

	MaxInHand  = 64
	MaxQueues  = 200
	MaxStack   = 16 << 10
	MaxPage    = 500
	MaxBody    = 64 << 10
	maxReasons = 10
	maxText    = 300 // bytes of a text such as an error
	maxName    = 255 // bytes of a name, as in AMQP

	minInterval, maxInterval = 100 * time.Millisecond, time.Minute
)

// bound shortens what is too long, and counts what is left out.
func (a *Announcement) bound() {
	p := &a.Process
	clip(maxName, &p.Host, &p.Program, &p.Version, &p.Warren)
	a.Omitted = max(a.Omitted, 0) + max(len(a.Queues)-MaxQueues, 0) + max(len(a.InHand)-MaxInHand, 0) + max(len(a.Parking)-2*MaxQueues, 0) + max(len(a.Limits)-MaxQueues, 0)
	a.Queues, a.InHand, a.Parking = first(a.Queues, MaxQueues), first(a.InHand, MaxInHand), first(a.Parking, 2*MaxQueues)
	a.Limits = first(a.Limits, MaxQueues)
	for i := range a.Limits {
		clip(maxName, &a.Limits[i].Name)
	}
	a.Reasons = reasons(a.Reasons)
	a.IntervalMS = min(max(a.IntervalMS, minInterval.Milliseconds()), maxInterval.Milliseconds())
	for i := range a.Queues {
		q := &a.Queues[i]
		clip(maxName, &q.Name, &q.DeadLetters, &q.State, &q.Breaker)
		clip(maxText, &q.Error)
		q.Partitions = min(max(q.Partitions, 0), topology.MaxPartitions)
		q.Consumes = first(q.Consumes, topology.MaxPartitions)
	}
	for i := range a.Parking {
		clip(maxName, &a.Parking[i].Queue)
		clip(maxText, &a.Parking[i].Error)
	}
	for i := range a.InHand {
		a.InHand[i].bound()
	}
	if f := a.LastError; f != nil {
		clip(maxName, &f.Queue, &f.ID)
		clip(maxText, &f.Error)
	}
	if s := a.Schedules; s != nil {
		clip(maxName, &s.Group, &s.Role)
		s.Reasons = reasons(s.Reasons)
	}
	if e := a.Executed; e != nil {
		e.Command.bound()
		clip(maxName, &e.By)
		clip(maxText, &e.Result, &e.Error)
	}
}

// weight estimates how many bytes of memory an announcement takes that had the given size. Empty
// elements are short in JSON, and as large as others in memory.
func (a *Announcement) weight(size int) int {
	const element = 256
	return size + element*(1+len(a.Queues)+len(a.InHand)+len(a.Parking)+len(a.Limits))
}

func (m *InHand) bound() { clip(maxName, &m.ID, &m.Queue, &m.Handler, &m.Key, &m.Cancelled) }

func (c *Command) bound() {
	clip(maxName, &c.Name, &c.Queue, &c.ID, &c.Verdict, &c.Level, &c.Group, &c.Schedule)
}

func (a *Answer) bound() {
	clip(maxText, &a.Error, &a.Result)
	a.Stacks = first(a.Stacks, MaxInHand)
	for i := range a.Stacks {
		a.Stacks[i].bound()
		clip(MaxStack, &a.Stacks[i].Stack)
	}
	if a.Delays != nil {
		clip(maxName, &a.Delays.Queue)
		a.Delays.Messages = first(a.Delays.Messages, MaxPage)
	}
}

func reasons(all []string) []string {
	all = first(all, maxReasons)
	for i := range all {
		clip(maxText, &all[i])
	}
	return all
}

// first returns the first n elements, in an array that holds no others.
func first[T any](all []T, n int) []T { return slices.Clone(all[:min(len(all), n)]) }

// clip shortens texts to n bytes.
func clip(n int, texts ...*string) {
	for _, t := range texts {
		*t = record.Clip(*t, n)
	}
}
