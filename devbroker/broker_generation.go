package devbroker

// generation holds the differences between releases of RabbitMQ that clients can see.
// devbroker/conformance checks each field against the real brokers.
type generation struct {
	release string // as in Config.Version
	version string // as reported to clients

	// Connections.
	headers        []string // accepted protocol headers
	speaksAMQP10   bool
	mechanisms     string
	firstFrames    uint32 // largest frame before tuning, in bytes
	minFrame       uint32 // smallest frame size that a client may choose
	maxMessage     int
	measuresBodies bool // a body longer than announced is detected at once
	checksMode     bool // delivery modes other than 1 and 2 are refused

	// Access control.
	namesPermissions bool // a refusal names the missing permission
	checksPassive    bool // a passive declaration needs some permission

	// Topology.
	unknownTypeCloses   bool // an unknown type of exchange closes the connection
	localRandom         bool // the exchange type x-local-random exists
	floatsMatch         bool // in headers 1.0 equals 1
	emptyTypeIsDefault  bool // x-queue-type may be empty
	namesDefaultType    bool // a queue declared without x-queue-type gets one
	zeroIsAllPriorities bool // x-max-priority of 0 means no limit

	// Consuming.
	globalQoS      bool // basic.qos can apply to a whole channel
	bestIsActive   bool // quorum: a consumer of a higher priority replaces the single active consumer
	queueTimeouts  bool // x-consumer-timeout takes effect
	cancelStalls   bool // classic: ready messages wait when a single active consumer is cancelled
	timeoutCancels bool // the timeout cancels a slow consumer of a quorum queue and keeps its channel open

	// Quorum queues.
	priorities        priorities
	defaultLimit      int    // delivery limit; noLimit means none
	minusOneIsZero    bool   // x-delivery-limit of -1 means 0 instead of no limit
	countsReturns     bool   // x-delivery-count and its limit count every requeue instead of failures only
	getCountsFromZero bool   // even a first basic.get carries x-delivery-count
	quorumName        string // name of the queue type in a refusal of basic.get
	acquiredCount     bool   // deliveries carry x-acquired-count
	requeuesToEnd     bool   // without a delivery limit, requeued messages go to the end
	levelsExpire      bool   // the head of each priority expires, instead of only the head of the queue
	countsMetadata    bool   // x-max-length-bytes counts properties as well as bodies
	delaysRetries     bool   // x-delayed-retry-* take effect
	numbersConsumers  bool   // messages of a lost channel are requeued in the order in which its consumers started, instead of by consumer tag

	// Messages.
	sortsHeaders   bool // sorts headers by name when a message is published
	returnsReplies bool // a mandatory direct reply is returned, even if it was delivered

	// Dead letters.
	trustsDeaths bool // an x-death header set by a client is used
	lastDeath    bool // dead letters carry x-last-death-*
	carriesCount bool // a dead letter keeps its count of failed deliveries
	classicCount bool // classic queues count failures too, and deliver failed messages as redelivered
}

// noLimit is the delivery limit of a queue without a limit.
const noLimit = -1

// priorities is how a quorum queue treats the priority of messages.
type priorities int

const (
	ignored   priorities = iota
	twoLevels            // 5 and above is high, served 2:1
	strict               // 32 levels
)

// Protocol headers of AMQP 0-9-1 and earlier versions.
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
		trustsDeaths: true, returnsReplies: true,
	},
	"4.0": {
		release: "4.0", version: "4.0.5",
		headers: []string{amqp091, amqp09}, speaksAMQP10: true, namesPermissions: true,
		mechanisms: "ANONYMOUS PLAIN AMQPLAIN", firstFrames: 4096, minFrame: 4096, maxMessage: 16 << 20,
		localRandom: true, namesDefaultType: true, zeroIsAllPriorities: true,
		globalQoS: true, bestIsActive: true, queueTimeouts: true, numbersConsumers: true,
		sortsHeaders: true, returnsReplies: true, priorities: twoLevels, defaultLimit: 20, countsReturns: true, requeuesToEnd: true,
		lastDeath: true, carriesCount: true, quorumName: "quorum",
	},
	"4.3": {
		release: "4.3", version: "4.3.6",
		headers: []string{amqp091, amqp09}, speaksAMQP10: true, namesPermissions: true,
		mechanisms: "ANONYMOUS PLAIN AMQPLAIN", firstFrames: 8192, minFrame: 8192, maxMessage: 16 << 20, measuresBodies: true, checksPassive: true,
		localRandom: true, namesDefaultType: true, emptyTypeIsDefault: true, zeroIsAllPriorities: true,
		bestIsActive: true, queueTimeouts: true, timeoutCancels: true, numbersConsumers: true,
		sortsHeaders: true, priorities: strict, defaultLimit: 20, acquiredCount: true, delaysRetries: true, levelsExpire: true, countsMetadata: true,
		lastDeath: true, carriesCount: true, classicCount: true, quorumName: `<<"quorum">>`,
	},
}
