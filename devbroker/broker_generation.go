package devbroker

// generation is what differs between releases of RabbitMQ, as far as clients can
// see it. Each field is held to the real brokers by devbroker/conformance.
type generation struct {
	release string // as in Config.Version
	version string // as told to clients

	// Connections.
	headers        []string // protocol headers that are understood
	speaksAMQP10   bool
	mechanisms     string
	firstFrames    uint32 // limit of frames before tuning
	minFrame       uint32 // that a client may agree on
	maxMessage     int
	measuresBodies bool // more body than announced is seen at once
	checksMode     bool // delivery modes other than 1 and 2 are refused

	// Access control.
	namesPermissions bool // a refusal says which permission is missing
	checksPassive    bool // a passive declaration needs some permission

	// Topology.
	unknownTypeCloses   bool // an unknown type of exchange costs the connection
	localRandom         bool // there are exchanges of type x-local-random
	floatsMatch         bool // in headers 1.0 equals 1
	emptyTypeIsDefault  bool // x-queue-type may be empty
	namesDefaultType    bool // a queue without x-queue-type has one all the same
	zeroIsAllPriorities bool // x-max-priority of 0 is no limit

	// Consuming.
	globalQoS      bool // basic.qos can be for a whole channel
	bestIsActive   bool // quorum: a single active consumer gives way to one of a higher priority
	queueTimeouts  bool // x-consumer-timeout counts
	cancelStalls   bool // classic: what is ready waits when a single active consumer is cancelled
	timeoutCancels bool // a slow consumer of a quorum queue loses its consumer, not its channel

	// Quorum queues.
	priorities        priorities
	defaultLimit      int    // of deliveries; noLimit for none
	minusOneIsZero    bool   // x-delivery-limit: -1 means 0, and not none
	countsReturns     bool   // x-delivery-count and its limit count each return, and not only failures
	getCountsFromZero bool   // even a first basic.get carries x-delivery-count
	quorumName        string // in a refusal of basic.get
	acquiredCount     bool   // deliveries carry x-acquired-count
	requeuesToEnd     bool   // without a delivery limit what comes back goes to the end
	levelsExpire      bool   // the head of each priority expires, and not only the head of the queue
	countsMetadata    bool   // x-max-length-bytes counts more than bodies
	numbersConsumers  bool   // what a lost channel held comes back in the order in which its consumers began, and not in that of their tags

	// Messages.
	sortsHeaders bool // by name, when they are published

	// Dead letters.
	trustsDeaths bool // the x-death of a client counts
	lastDeath    bool // dead letters carry x-last-death-*
	carriesCount bool // a dead letter brings along how often it has failed
	classicCount bool // classic queues count failures too, and deliver what has failed as redelivered
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

// Protocol headers: of AMQP 0-9-1, and of its forerunners.
const (
	amqp091 = "AMQP\x00\x00\x09\x01"
	amqp09  = "AMQP\x01\x01\x00\x09"
	amqp08  = "AMQP\x01\x01\x08\x00"
	amqp09B = "AMQP\x01\x01\x09\x01"
)

var generations = map[string]generation{
	"3.10": {
		release: "3.10", version: "3.10.8",
		headers:    []string{amqp091, amqp09, amqp08, amqp09B},
		mechanisms: "AMQPLAIN PLAIN", firstFrames: 4096, minFrame: 4096, maxMessage: 128 << 20, checksMode: true,
		unknownTypeCloses: true, floatsMatch: true,
		globalQoS: true, cancelStalls: true,
		defaultLimit: noLimit, minusOneIsZero: true, countsReturns: true, getCountsFromZero: true, requeuesToEnd: true,
		quorumName:   "quorum",
		trustsDeaths: true,
	},
	"4.0": {
		release: "4.0", version: "4.0.5",
		headers: []string{amqp091, amqp09}, speaksAMQP10: true, namesPermissions: true,
		mechanisms: "ANONYMOUS PLAIN AMQPLAIN", firstFrames: 4096, minFrame: 4096, maxMessage: 16 << 20,
		localRandom: true, namesDefaultType: true, zeroIsAllPriorities: true,
		globalQoS: true, bestIsActive: true, queueTimeouts: true, numbersConsumers: true,
		sortsHeaders: true, priorities: twoLevels, defaultLimit: 20, countsReturns: true, requeuesToEnd: true,
		lastDeath: true, carriesCount: true, quorumName: "quorum",
	},
	"4.3": {
		release: "4.3", version: "4.3.6",
		headers: []string{amqp091, amqp09}, speaksAMQP10: true, namesPermissions: true,
		mechanisms: "ANONYMOUS PLAIN AMQPLAIN", firstFrames: 8192, minFrame: 8192, maxMessage: 16 << 20, measuresBodies: true, checksPassive: true,
		localRandom: true, namesDefaultType: true, emptyTypeIsDefault: true, zeroIsAllPriorities: true,
		bestIsActive: true, queueTimeouts: true, timeoutCancels: true, numbersConsumers: true,
		sortsHeaders: true, priorities: strict, defaultLimit: 20, acquiredCount: true, levelsExpire: true, countsMetadata: true,
		lastDeath: true, carriesCount: true, classicCount: true, quorumName: `<<"quorum">>`,
	},
}
