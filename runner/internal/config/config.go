package config

// Config is everything a runner is told. It is plain data; read it from many
// goroutines, and change none of it. Descriptions, defaults and bounds of the fields
// stand in their tags, of which Schema is made.
type Config struct {
	Broker    Broker     `yaml:"broker" jsonschema_description:"How to reach RabbitMQ."`
	Exchanges []Exchange `yaml:"exchanges" jsonschema_description:"The exchanges that queues, schedules and forward name. They are declared as durable."`
	Queues    []Queue    `yaml:"queues" jsonschema_description:"The work queues and their handlers."`
	Schedules []Schedule `yaml:"schedules" jsonschema_description:"Messages published by the clock, once among all replicas."`
	Scheduler Scheduler  `yaml:"scheduler" jsonschema_description:"How the replicas agree on who publishes the schedules."`
	Admin     Admin      `yaml:"admin" jsonschema_description:"The HTTP interface for health, metrics and the operator's commands."`
	Log       Log        `yaml:"log" jsonschema_description:"The log, on stderr."`
	Telemetry Telemetry  `yaml:"telemetry" jsonschema_description:"Metrics and traces. OTLP exporters are set by the standard OTEL_… variables."`
	Grace     Limit      `yaml:"grace" jsonschema:"default=30s" jsonschema_description:"How long handlers in hand may go on once the runner is told to stop; \"none\" cancels them at once."`

	origins map[string]string // by path, such as queues.0.name; what is missing is a default
	written map[string]string // by path, Text that holds a variable, as it is in the file

	warnings []string
}

// Warnings returns what is probably a mistake, and does not keep the runner from starting.
func (c *Config) Warnings() []string { return c.warnings }

// Embedded is the broker.url of a broker in memory, in the runner's process. It must be
// written: an empty URL never means it.
const Embedded = "embedded:"

// Broker says how to reach RabbitMQ: the fields of broker.Config.
type Broker struct {
	URL            Secret   `yaml:"url" jsonschema_extras:"format=broker-url" jsonschema_description:"amqp://user:password@host:port/vhost, amqps://…, or embedded: for a broker in memory of the runner's process, for development. Without it and urls only runner dev works, on a broker in memory."`
	URLs           []Secret `yaml:"urls" jsonschema_description:"The nodes of a cluster; url is one of them if both are set. A random one is tried first, and the next beside it after half a second."`
	Username       string   `yaml:"username" jsonschema:"maxLength=255" jsonschema_description:"Instead of the user in the URLs; goes with password."`
	Password       Secret   `yaml:"password" jsonschema_description:"Instead of the password in the URLs. Files of url, password and tls are read at each attempt to connect, so that they may rotate."`
	ManagementURL  Secret   `yaml:"management_url" jsonschema_description:"http://host:15672 or https://…, with user:password@ if they are others than those of url: the management plugin, which topology plan and topology prune ask for bindings and queues that are left over. Nothing else needs it."`
	Name           string   `yaml:"name" jsonschema:"maxLength=200" jsonschema_description:"Shown by the broker for each connection; the program's name if empty."`
	TLS            TLS      `yaml:"tls" jsonschema_description:"For amqps URLs."`
	Heartbeat      Duration `yaml:"heartbeat" jsonschema:"default=10s" jsonschema_description:"The pause after which a silent peer is checked. Topology is declared again about every third heartbeat."`
	DialTimeout    Duration `yaml:"dial_timeout" jsonschema:"default=10s" jsonschema_description:"Bounds one attempt to connect, handshake included."`
	StartupTimeout Limit    `yaml:"startup_timeout" jsonschema:"default=30s" jsonschema_description:"Bounds the time to the first connection, or \"none\"."`
	PublishTimeout Limit    `yaml:"publish_timeout" jsonschema:"default=30s" jsonschema_description:"Bounds a publish, or \"none\"."`
	Backoff        Backoff  `yaml:"backoff" jsonschema_description:"The pauses between attempts to connect: 200ms, doubling up to 15s, spread by half, unless set."`
}

// IsEmpty reports whether b names no broker. Its secrets must be readable.
func (b Broker) IsEmpty() bool { return known(b.URL) == "" && len(b.URLs) == 0 }

// IsEmbedded reports whether b names the broker in memory of a runner.
func (b Broker) IsEmbedded() bool { return known(b.URL) == Embedded }

// TLS says how connections by amqps are made safe.
type TLS struct {
	CAFile             string `yaml:"ca_file" jsonschema_description:"PEM file of the authorities to trust; those of the system if empty."`
	CertFile           string `yaml:"cert_file" jsonschema_description:"PEM file of a client certificate."`
	KeyFile            string `yaml:"key_file" jsonschema_description:"PEM file of its key."`
	ServerName         string `yaml:"server_name" jsonschema_description:"Name in the broker's certificate, if it is not that of the URL."`
	InsecureSkipVerify bool   `yaml:"insecure_skip_verify" jsonschema:"default=false" jsonschema_description:"Trust any certificate: for tests only."`
}

// Backoff spaces attempts that are made without end. Zero fields mean the default of
// what is attempted.
type Backoff struct {
	InitialInterval     Duration `yaml:"initial_interval" jsonschema_description:"The pause after the first failure."`
	Multiplier          float64  `yaml:"multiplier" jsonschema:"minimum=1,maximum=1000" jsonschema_description:"What each pause is times the one before."`
	MaxInterval         Duration `yaml:"max_interval" jsonschema_description:"The longest pause."`
	RandomizationFactor *float64 `yaml:"randomization_factor" jsonschema:"minimum=0,maximum=1" jsonschema_description:"Spreads a pause by up to this part of it."`
}

// Exchange is declared as a durable exchange.
type Exchange struct {
	Name      string         `yaml:"name" jsonschema:"required,minLength=1,maxLength=255"`
	Type      string         `yaml:"type" jsonschema:"enum=topic,enum=direct,enum=fanout,enum=headers,default=topic"`
	Arguments map[string]any `yaml:"arguments" jsonschema_description:"AMQP arguments such as alternate-exchange."`
}

// Scheduler is that of the schedules: see schedule.Config.
type Scheduler struct {
	Name  string   `yaml:"name" jsonschema:"minLength=1,maxLength=200,default=runner" jsonschema_description:"Replicas have the same name, and one of them publishes. Runners with other schedules need another name."`
	Renew Duration `yaml:"renew" jsonschema:"default=1m" jsonschema_description:"How often an idle leader renews its token."`
}

// Schedule publishes a message at each tick: see schedule.Entry.
type Schedule struct {
	Name        string         `yaml:"name" jsonschema:"required,minLength=1,maxLength=200" jsonschema_description:"Identifies the schedule for ever: what was published last is remembered by it."`
	Cron        string         `yaml:"cron" jsonschema:"required,format=cron" jsonschema_description:"Minute, hour, day of month, month and day of week, with seconds before them if there are six; or @daily, @hourly, @every 10m."`
	Timezone    string         `yaml:"timezone" jsonschema:"format=timezone,default=UTC" jsonschema_description:"Of cron, such as Europe/Rome."`
	Exchange    string         `yaml:"exchange" jsonschema:"maxLength=255" jsonschema_description:"Empty is the default exchange, whose keys are names of queues."`
	Key         string         `yaml:"key" jsonschema:"maxLength=255" jsonschema_description:"The routing key."`
	Body        any            `yaml:"body" jsonschema_description:"Sent as JSON; {} if missing."`
	ContentType string         `yaml:"content_type" jsonschema:"maxLength=255" jsonschema_description:"application/json if empty."`
	Headers     map[string]any `yaml:"headers"`
	Priority    uint8          `yaml:"priority" jsonschema:"minimum=0,maximum=10,default=0"`
	Missed      string         `yaml:"missed" jsonschema:"enum=once,enum=skip,enum=all,default=once" jsonschema_description:"What becomes of ticks that nobody was there to publish: the newest is published, none is, or all are."`
	MaxMissed   int            `yaml:"max_missed" jsonschema:"minimum=1,maximum=1000" jsonschema_description:"Bounds missed: all; 100 if missing."`
	Tolerance   Duration       `yaml:"tolerance" jsonschema:"default=1m" jsonschema_description:"How late a tick may be before it counts as missed."`
}

// Admin is the HTTP interface of a running runner.
type Admin struct {
	Listen       string `yaml:"listen" jsonschema:"format=listen,default=127.0.0.1:8081" jsonschema_description:"HOST:PORT, or \"none\". Other than on loopback a token is required."`
	Token        Secret `yaml:"token" jsonschema_description:"What clients must show as Authorization: Bearer TOKEN, 16 bytes or more: it opens everything, control of the queues included."`
	MetricsToken Secret `yaml:"metrics_token" jsonschema_description:"Opens /metrics and nothing else, for what scrapes; 16 bytes or more, and other than token."`
}

// Log says what is logged, and how.
type Log struct {
	Level  string `yaml:"level" jsonschema:"enum=debug,enum=info,enum=warn,enum=error,default=info"`
	Format string `yaml:"format" jsonschema:"enum=text,enum=json,default=text"`
}

// Telemetry says what is measured.
type Telemetry struct {
	ServiceName string `yaml:"service_name" jsonschema:"minLength=1,maxLength=255,default=runner" jsonschema_description:"service.name of metrics and traces."`
	Prometheus  bool   `yaml:"prometheus" jsonschema:"default=true" jsonschema_description:"Serve /metrics on admin.listen."`
}
