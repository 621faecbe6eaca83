package devbroker

// levels is how many priorities the queue tells apart.
func (o options) levels(g generation) int {
	switch {
	case o.kind == classic:
		return o.maxPriority + 1
	case g.quorumPriorities == twoLevels:
		return 2
	case g.quorumPriorities == strict:
		return 32
	}
	return 1
}

// fair says whether lower priorities have their turn.
func (o options) fair(g generation) bool { return o.kind == quorum && g.quorumPriorities == twoLevels }

// level is the place of a message's priority among the levels.
func (o options) level(g generation, priority uint8) int {
	if !o.fair(g) {
		return min(int(priority), o.levels(g)-1)
	}
	if priority > 4 {
		return 1
	}
	return 0
}
