package config

// Config is the configuration of a runner. It is plain data: any number of goroutines may
// read it, and none may change it. The tags of the fields contain their descriptions,
// defaults and bounds, from which Schema is generated.
type Config struct {
	Broker    Broker     `yaml:"broker" jsonschema_description:"How to reach RabbitMQ."`
	Brokers   []Broker   `yaml:"brokers" jsonschema_description:"Further brokers or virtual hosts, which queues, schedules and forward choose by name. The name is required, and embedded: is not allowed."`
	Exchanges []Exchange `yaml:"exchanges" jsonschema_description:"The exchanges that queues, schedules and forward use. They are declared as durable."`
	Codecs    []Codec    `yaml:"codecs" jsonschema_description:"How bodies are compressed, sealed, stored elsewhere or wrapped, by name."`
	Queues    []Queue    `yaml:"queues" jsonschema_description:"The work queues and their handlers."`
	Schedules []Schedule `yaml:"schedules" jsonschema_description:"Messages to publish periodically. Of all replicas, one publishes them."`
	Scheduler Scheduler  `yaml:"scheduler" jsonschema_description:"How the replicas elect the leader that publishes the schedules."`
	Admin     Admin      `yaml:"admin" jsonschema_description:"The HTTP interface for health, metrics and the operator's commands."`
	Fleet     Fleet      `yaml:"fleet" jsonschema_description:"How the runner announces itself on RabbitMQ, and who may control it: see \"runner fleet\"."`
	Log       Log        `yaml:"log" jsonschema_description:"The log, on stderr."`
	Telemetry Telemetry  `yaml:"telemetry" jsonschema_description:"Metrics and traces. The standard OTEL_… variables configure OTLP exporters."`
	Grace     Limit      `yaml:"grace" jsonschema:"default=30s" jsonschema_description:"How long running handlers may continue after the runner is told to stop. \"none\" cancels them at once."`

	origins map[string]string // by path, such as queues.0.name; a missing path means a default
	written map[string]string // by path: values with variables, as written in the file

	warnings []string
	needs    Needs
}

// Warnings returns probable mistakes that do not prevent the runner from starting.
func (c *Config) Warnings() []string { return c.warnings }

// Embedded is the broker.url of a broker in memory, in the runner's process. It must be
// set explicitly: an empty URL does not mean it.
const Embedded = "embedded:"

// Broker configures the connections to RabbitMQ: the fields of broker.Config.
type Broker struct {
	URL            Secret   `yaml:"url" jsonschema_extras:"format=broker-url" jsonschema_description:"amqp://user:password@host:port/vhost, amqps://…, or embedded: for a broker in the memory of the runner's process, for development. If url and urls are empty, runner dev uses a broker in memory and runner run does not start."`
	URLs           []Secret `yaml:"urls" jsonschema_description:"The nodes of a cluster; url is added to them if both are set. A random node is tried first, and another one in parallel after half a second."`
	Username       string   `yaml:"username" jsonschema:"maxLength=255" jsonschema_description:"Replaces the user in the URLs. Requires password."`
	Password       Secret   `yaml:"password" jsonschema_description:"Replaces the password in the URLs. The files of url, password and tls are read at each attempt to connect, so they can be replaced at any time."`
	Topology       string   `yaml:"topology" jsonschema:"enum=manage,enum=verify,enum=trust,default=manage" jsonschema_description:"What the runner does about queues and exchanges when it connects: declare them, verify that they exist and declare none, or trust that they exist. With verify and trust, \"runner topology apply\" or the definitions of \"runner topology export\" declare them."`
	ManagementURL  Secret   `yaml:"management_url" jsonschema_description:"The URL of the management plugin, http://host:15672 or https://…, with user:password@ if they differ from those in url. Topology plan and topology prune use it to find bindings and queues that are left over, and doctor to compare the members of queues with the nodes."`
	Name           string   `yaml:"name" jsonschema:"maxLength=200" jsonschema_description:"The name of each connection in the broker. Empty means the program's name. In brokers it is also the name by which queues choose the broker."`
	TLS            TLS      `yaml:"tls" jsonschema_description:"For amqps URLs."`
	Heartbeat      Duration `yaml:"heartbeat" jsonschema:"default=10s" jsonschema_description:"The interval of heartbeats, by which each side notices a dead connection. The topology is declared again about every third interval."`
	DialTimeout    Duration `yaml:"dial_timeout" jsonschema:"default=10s" jsonschema_description:"The limit for one attempt to connect, handshake included."`
	StartupTimeout Limit    `yaml:"startup_timeout" jsonschema:"default=30s" jsonschema_description:"The limit for the first connection, or \"none\"."`
	PublishTimeout Limit    `yaml:"publish_timeout" jsonschema:"default=30s" jsonschema_description:"The limit for one publish, or \"none\"."`
	Backoff        Backoff  `yaml:"backoff" jsonschema_description:"The pauses between attempts to connect. By default they double from 200ms to 5s, and vary randomly by half."`
}

// IsEmpty reports whether b has no URL. Its secrets must be readable.
func (b Broker) IsEmpty() bool { return known(b.URL) == "" && len(b.URLs) == 0 }

// IsEmbedded reports whether b is the broker in memory of a runner.
func (b Broker) IsEmbedded() bool { return known(b.URL) == Embedded }

// TLS configures TLS for amqps connections.
type TLS struct {
	CAFile             string `yaml:"ca_file" jsonschema_description:"PEM file of the trusted certificate authorities. Empty means the system's."`
	CertFile           string `yaml:"cert_file" jsonschema_description:"PEM file of a client certificate."`
	KeyFile            string `yaml:"key_file" jsonschema_description:"PEM file of the client certificate's key."`
	ServerName         string `yaml:"server_name" jsonschema_description:"The name in the broker's certificate, if it differs from the URL's host."`
	InsecureSkipVerify bool   `yaml:"insecure_skip_verify" jsonschema:"default=false" jsonschema_description:"Trust any certificate: for tests only."`
}

// Backoff configures the pauses between attempts that are repeated without limit. Zero
// fields mean the default of each use.
type Backoff struct {
	InitialInterval     Duration `yaml:"initial_interval" jsonschema_description:"The pause after the first failure."`
	Multiplier          float64  `yaml:"multiplier" jsonschema:"minimum=1,maximum=1000" jsonschema_description:"The factor from each pause to the next."`
	MaxInterval         Duration `yaml:"max_interval" jsonschema_description:"The longest pause."`
	RandomizationFactor *float64 `yaml:"randomization_factor" jsonschema:"minimum=0,maximum=1" jsonschema_description:"The largest random change of a pause, as a fraction of the pause."`
}

// Exchange is declared as a durable exchange.
type Exchange struct {
	Name      string         `yaml:"name" jsonschema:"required,minLength=1,maxLength=255"`
	Type      string         `yaml:"type" jsonschema:"enum=topic,enum=direct,enum=fanout,enum=headers,default=topic"`
	Arguments map[string]any `yaml:"arguments" jsonschema_description:"AMQP arguments such as alternate-exchange."`
}

// Scheduler configures the scheduler: see schedule.Config.
type Scheduler struct {
	Name  string   `yaml:"name" jsonschema:"minLength=1,maxLength=200,default=runner" jsonschema_description:"Replicas have the same name, and one of them publishes. Runners with different schedules need different names."`
	Renew Duration `yaml:"renew" jsonschema:"default=1m" jsonschema_description:"How often an idle leader renews its token."`
}

// Schedule publishes a message at each tick: see schedule.Entry.
type Schedule struct {
	Name        string         `yaml:"name" jsonschema:"required,minLength=1,maxLength=200" jsonschema_description:"Identifies the schedule. Do not change it: the last tick published is recorded under this name."`
	Cron        string         `yaml:"cron" jsonschema:"required,format=cron" jsonschema_description:"Five fields: minute, hour, day of month, month and day of week. With six fields, the first is the second. Or @daily, @hourly, @every 10m."`
	Timezone    string         `yaml:"timezone" jsonschema:"format=timezone,default=UTC" jsonschema_description:"The time zone of cron, such as Europe/Rome."`
	Broker      string         `yaml:"broker" jsonschema:"maxLength=200" jsonschema_description:"The name in brokers of the broker to publish to. Empty means broker."`
	Exchange    string         `yaml:"exchange" jsonschema:"maxLength=255" jsonschema_description:"The exchange to publish to. Empty means the default exchange, whose keys are names of queues."`
	Key         string         `yaml:"key" jsonschema:"maxLength=255" jsonschema_description:"The routing key."`
	Body        any            `yaml:"body" jsonschema_description:"Sent as JSON. The default is {}."`
	Codec       string         `yaml:"codec" jsonschema:"maxLength=200" jsonschema_description:"The name in codecs of the codec that encodes the body. The default is none."`
	ContentType string         `yaml:"content_type" jsonschema:"maxLength=255" jsonschema_description:"The default is application/json."`
	Headers     map[string]any `yaml:"headers" jsonschema_description:"The headers of the message. Headers that Warren or RabbitMQ writes itself are dropped."`
	Priority    uint8          `yaml:"priority" jsonschema:"minimum=0,maximum=31,default=0" jsonschema_description:"The priority of the message. Classic queues use up to max_priority, quorum queues of RabbitMQ 4.3 up to 31."`
	Missed      string         `yaml:"missed" jsonschema:"enum=once,enum=skip,enum=all,default=once" jsonschema_description:"Which ticks are published that were missed because no runner was running: the newest, none, or all."`
	MaxMissed   int            `yaml:"max_missed" jsonschema:"minimum=1,maximum=1000" jsonschema_description:"The highest number of ticks that missed: all publishes. The default is 100."`
	Tolerance   Duration       `yaml:"tolerance" jsonschema:"default=1m" jsonschema_description:"How late a tick may be before it counts as missed."`
}

// Admin is the HTTP interface of a running runner.
type Admin struct {
	Listen       string `yaml:"listen" jsonschema:"format=listen,default=127.0.0.1:8081" jsonschema_description:"HOST:PORT, or \"none\". Unless the address is on loopback, a token is required."`
	Token        Secret `yaml:"token" jsonschema_description:"The token that clients send as Authorization: Bearer TOKEN, 16 bytes or more. It gives access to everything, including control of the queues."`
	MetricsToken Secret `yaml:"metrics_token" jsonschema_description:"A token for scrapers that gives access to /metrics only, 16 bytes or more. It must differ from token."`
	Console      string `yaml:"console" jsonschema:"enum=off,enum=read,enum=full,default=read" jsonschema_description:"The web pages under /console/: off; read, which shows the processes, queues and dead letters; or full, which also permits actions such as replays. The pages connect to RabbitMQ only while they are viewed."`
	ConsoleKeys  Secret `yaml:"console_keys" jsonschema_description:"Keys that open sealed bodies for everyone who may see the console, one \"ID SECRET\" a line. They are read at the start. Without them the console shows that a body is sealed."`
	ConsoleNotes string `yaml:"console_notes" jsonschema_description:"The file that keeps the notes of operators on dead letters. Empty means that notes are kept in memory, and end with the process. Each runner needs a file of its own."`
}

// Fleet configures announcements and control: see fleet.Config.
type Fleet struct {
	Announce bool     `yaml:"announce" jsonschema:"default=true" jsonschema_description:"Publish the state of this process to the exchange warren.fleet every 3 seconds, and accept commands."`
	Users    []string `yaml:"users" jsonschema_description:"The RabbitMQ users whose commands are executed. Empty means the user of broker. RabbitMQ verifies the users; publishers should have another one."`
}

// Log configures the log.
type Log struct {
	Level  string `yaml:"level" jsonschema:"enum=debug,enum=info,enum=warn,enum=error,default=info"`
	Format string `yaml:"format" jsonschema:"enum=text,enum=json,default=text"`
}

// Telemetry configures metrics and traces.
type Telemetry struct {
	ServiceName string `yaml:"service_name" jsonschema:"minLength=1,maxLength=255,default=runner" jsonschema_description:"service.name of metrics and traces."`
	Prometheus  bool   `yaml:"prometheus" jsonschema:"default=true" jsonschema_description:"Serve /metrics on admin.listen."`
}
