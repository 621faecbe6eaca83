package broker

// InFlight is the number of messages of p that wait for their confirm.
func InFlight(p *Publisher) int {
	p.mu.Lock()
	s := p.sender
	p.mu.Unlock()
	s.mu.Lock()
	line := s.line
	s.mu.Unlock()
	if line == nil {
		return 0
	}
	line.mu.Lock()
	defer line.mu.Unlock()
	return len(line.inFlight)
}
