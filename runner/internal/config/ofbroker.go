package config

import "slices"

// Of returns the part of c that concerns one broker, as a configuration of that broker alone:
// its queues and schedules, and the exchanges that they use. An empty name means the setting
// broker, whose part also has the exchanges that no queue or schedule uses. A
// configuration without brokers is its own part. Of returns nil if c has no such broker.
func (c *Config) Of(name string) *Config {
	if name == "" && len(c.Brokers) == 0 {
		return c
	}
	part := *c
	part.Brokers = nil
	if name != "" {
		i := slices.IndexFunc(c.Brokers, func(b Broker) bool { return b.Name == name })
		if i < 0 {
			return nil
		}
		part.Broker = c.Brokers[i]
	}
	part.Queues = slices.DeleteFunc(slices.Clone(c.Queues), func(q Queue) bool { return q.Broker != name })
	part.Schedules = slices.DeleteFunc(slices.Clone(c.Schedules), func(s Schedule) bool { return s.Broker != name })
	used := c.exchangesByBroker()
	part.Exchanges = slices.DeleteFunc(slices.Clone(c.Exchanges), func(e Exchange) bool {
		return !used[name][e.Name] && (name != "" || isUsed(used, e.Name))
	})
	return &part
}

// BrokerNames returns the names of the brokers that have queues or schedules, or exchanges to
// forward to, in the order of the configuration. The setting broker is "".
func (c *Config) BrokerNames() []string {
	used := c.exchangesByBroker()
	var names []string
	for _, b := range append([]Broker{{}}, c.Brokers...) {
		if used[b.Name] != nil {
			names = append(names, b.Name)
		}
	}
	return names
}

// usesDefault reports whether the setting broker is needed.
func (c *Config) usesDefault() bool {
	return len(c.Brokers) == 0 || slices.Contains(c.BrokerNames(), "")
}

// exchangesByBroker returns the exchanges that are used on each broker that is used.
func (c *Config) exchangesByBroker() map[string]map[string]bool {
	used := make(map[string]map[string]bool)
	add := func(broker, exchange string) {
		if used[broker] == nil {
			used[broker] = make(map[string]bool)
		}
		used[broker][exchange] = true
	}
	for _, q := range c.Queues {
		add(q.Broker, q.Exchange)
		for _, b := range q.Bindings {
			add(q.Broker, b.Exchange)
		}
		for _, h := range q.Handlers {
			if h.Forward != nil {
				add(h.Forward.On(q.Broker), h.Forward.Exchange)
			}
			if h.Emits != nil {
				add(q.Broker, h.Emits.Exchange)
			}
		}
	}
	for _, s := range c.Schedules {
		add(s.Broker, s.Exchange)
	}
	return used
}

func isUsed(used map[string]map[string]bool, exchange string) bool {
	for _, of := range used {
		if of[exchange] {
			return true
		}
	}
	return false
}

// On returns the broker that a handler forwards to, if its queue is on the given broker.
func (f Forward) On(queue string) string {
	if f.Broker != "" {
		return f.Broker
	}
	return queue
}
