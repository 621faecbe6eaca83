package config

// Breaker stops the handlers of a queue while a service that they call is down. Failures is 0 if
// there is none.
type Breaker struct {
	Failures int      `yaml:"failures" jsonschema:"required,minimum=1,maximum=1000000" jsonschema_description:"How many messages must fail in a row."`
	Pause    Duration `yaml:"pause" jsonschema_description:"How long no message is handled then. After the pause, one message is handled: if it fails, the next pause begins. The default is 1m."`
}

// checkBreaker checks the breaker and the lowest concurrency of a queue.
func (d *document) checkBreaker(path string, q Queue) {
	if !d.sound(path, "breaker", "concurrency", "min_concurrency") {
		return
	}
	at := join(path, "min_concurrency")
	switch {
	case q.MinConcurrency > q.Concurrency:
		d.complainf(at, "min_concurrency is %d, want at most %d, the concurrency", q.MinConcurrency, q.Concurrency)
	case q.MinConcurrency > 0 && len(q.Limits()) > 0:
		d.complainf(at, "min_concurrency is set, want no limit then: a message that waits for a limit of all runners is slow, but the service that it calls is not")
	}
}
