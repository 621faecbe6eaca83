package devbroker

import "github.com/warren-mq/warren/devbroker/internal/wire"

// levels is how many priorities the queue tells apart.
func (o options) levels(g generation) int {
	switch {
	case o.kind == classic:
		return o.maxPriority + 1
	case g.priorities == twoLevels:
		return 2
	case g.priorities == strict:
		return 32
	}
	return 1
}

// fair says whether lower priorities have their turn.
func (o options) fair(g generation) bool { return o.kind == quorum && g.priorities == twoLevels }

// level is the place of a message's priority among the levels.
func (o options) level(g generation, m *message) int {
	priority := m.priority
	if o.kind == quorum && g.priorities == strict && m.parsed.Present&wire.HasPriority == 0 {
		priority = 4 // that of AMQP 1.0 for messages that name none
	}
	if !o.fair(g) {
		return min(int(priority), o.levels(g)-1)
	}
	if priority > 4 {
		return 1
	}
	return 0
}
