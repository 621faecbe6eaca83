package devbroker

// generation is what differs between releases of RabbitMQ, as far as clients can
// see it. Each field is held to the real brokers by devbroker/conformance.
type generation struct {
	version    string // as told to clients
	mechanisms string
	maxMessage int

	defaultLimit     int  // of deliveries from a quorum queue; noLimit for none
	minusOneIsZero   bool // x-delivery-limit: -1 means 0, and not none
	nackCounts       bool // nack with requeue raises x-delivery-count
	acquiredCount    bool // deliveries carry x-acquired-count
	quorumPriorities priorities
	trustsDeaths     bool // the x-death of a client counts
	lastDeath        bool // dead letters carry x-last-death-*
	refusesGlobalQoS bool
	refusesTransient bool // non-durable queues that are not exclusive
	timeoutCancels   bool // a slow consumer of a quorum queue loses its consumer, not its channel
}

// noLimit is the delivery limit of a queue that has none.
const noLimit = -1

// priorities are how a quorum queue treats the priority of messages.
type priorities int

const (
	ignored   priorities = iota
	twoLevels            // 5 and above is high, served 2:1
	strict               // 32 levels
)

var generations = map[string]generation{
	"3.10": {
		version: "3.10.8", mechanisms: "AMQPLAIN PLAIN", maxMessage: 128 << 20,
		defaultLimit: noLimit, minusOneIsZero: true, nackCounts: true, trustsDeaths: true,
	},
	"4.0": {
		version: "4.0.5", mechanisms: "PLAIN AMQPLAIN", maxMessage: 16 << 20,
		defaultLimit: 20, nackCounts: true, quorumPriorities: twoLevels, lastDeath: true,
	},
	"4.3": {
		version: "4.3.6", mechanisms: "PLAIN AMQPLAIN", maxMessage: 16 << 20,
		defaultLimit: 20, acquiredCount: true, quorumPriorities: strict, lastDeath: true,
		refusesGlobalQoS: true, refusesTransient: true, timeoutCancels: true,
	},
}
