package config

// Handler configures the handler for the messages of a key. Besides Key, one of its fields
// is set.
type Handler struct {
	Key         string      `yaml:"key" jsonschema:"required,minLength=1,maxLength=255" jsonschema_description:"Pattern of routing keys: * is any one word between dots, # any number of words."`
	Limit       SharedLimit `yaml:"limit" jsonschema_description:"A limit for this handler that all runners with the same broker share, besides the limit of the queue. Either concurrency or rate is required."`
	Codec       string      `yaml:"codec" jsonschema:"maxLength=200" jsonschema_description:"The name in codecs of the codec that opens the bodies for this handler, instead of the queue's."`
	Schema      string      `yaml:"schema" jsonschema_description:"The file of a JSON Schema. A message whose body does not match it is dead-lettered, and the handler does not run. Edited dead letters and messages published in the console are checked too. The file is read when the queue starts."`
	Exec        *Exec       `yaml:"exec" jsonschema_description:"Run a command for each message."`
	Persistent  *Persistent `yaml:"persistent" jsonschema_description:"Keep processes that read a message a line, as JSON, and answer a line."`
	Webhook     *Webhook    `yaml:"webhook" jsonschema_description:"Post each message to a URL."`
	Log         *LogLine    `yaml:"log" jsonschema_description:"Write a line for each message."`
	Forward     *Forward    `yaml:"forward" jsonschema_description:"Publish each message to an exchange."`
	Emits       *Emits      `yaml:"emits" jsonschema_description:"Publish the messages that exec writes to stdout, that persistent has in its answer, or that webhook responds with. They are published when the handling has succeeded, and confirmed before the message is acknowledged."`
	Replies     *Replies    `yaml:"replies" jsonschema_description:"Reply to calls with what exec writes to stdout, with what persistent has in its answer, or with what webhook responds. An error is replied when no attempt follows."`
	Batch       *Batch      `yaml:"batch" jsonschema_description:"Handle several messages by one run of exec, one line of persistent, one request of webhook or one call of a handler in Go. The queue's concurrency then counts batches, and each message keeps its own attempts and dead letter."`
	Checkpoints bool        `yaml:"checkpoints" jsonschema:"default=false" jsonschema_description:"Let exec, persistent or webhook save checkpoints, from which the next attempt of a message continues after a stop or a failure."`
	Go          string      `yaml:"go" jsonschema:"minLength=1" jsonschema_description:"The name of a handler that the program registers with runner.Go, or with batch, runner.GoBatch."`
}

// Kinds returns the names of the actions of a Handler.
func Kinds() []string { return []string{"exec", "persistent", "webhook", "log", "forward", "go"} }

// Exec is job.Exec, for one message at a time.
type Exec struct {
	Command   []Text          `yaml:"command" jsonschema:"required,minItems=1" jsonschema_description:"The program and its arguments, without a shell."`
	Dir       string          `yaml:"dir" jsonschema_description:"The working directory; the runner's if empty."`
	Env       []Env           `yaml:"env" jsonschema_description:"NAME=value, or NAME to pass on the runner's variable."`
	ExitCodes map[int]Verdict `yaml:"exit_codes" jsonschema_description:"The meaning of exit statuses. By default 0 is ack, 65 and 78 are dead-letter, and all others are retry."`
	KillDelay Limit           `yaml:"kill_delay" jsonschema:"default=5s" jsonschema_description:"From SIGTERM to SIGKILL, or \"none\". At most 4s for a command that is stopped at the end of grace."`
}

// Verdict is a job.Verdict.
type Verdict string

// Persistent is job.Exec, with processes that handle many messages.
type Persistent struct {
	Command        []Text  `yaml:"command" jsonschema:"required,minItems=1" jsonschema_description:"The program and its arguments, without a shell."`
	Dir            string  `yaml:"dir" jsonschema_description:"The working directory; the runner's if empty."`
	Env            []Env   `yaml:"env" jsonschema_description:"NAME=value, or NAME to pass on the runner's variable."`
	KillDelay      Limit   `yaml:"kill_delay" jsonschema:"default=5s" jsonschema_description:"From SIGTERM to SIGKILL, or \"none\". At most 4s for a process that handles a message at the end of grace. At the end of the runner, also from the end of stdin to SIGTERM."`
	MaxAnswerBytes Size    `yaml:"max_answer_bytes" jsonschema:"default=64KiB" jsonschema_description:"The longest answer."`
	Backoff        Backoff `yaml:"backoff" jsonschema_description:"The pauses between starts after failures. By default they double from 200ms to 30s, and vary randomly by a fifth."`
}

// Webhook is job.Webhook.
type Webhook struct {
	URL            URL      `yaml:"url" jsonschema:"required,format=webhook-url" jsonschema_description:"http or https, without user and password."`
	Headers        []Header `yaml:"headers"`
	CloudEvents    bool     `yaml:"cloud_events" jsonschema:"default=false" jsonschema_description:"Add the attributes of CloudEvents 1.0, in binary mode."`
	Source         string   `yaml:"source" jsonschema:"maxLength=255" jsonschema_description:"The attribute ce-source. The default is /EXCHANGE."`
	SigningKeys    []Secret `yaml:"signing_keys" jsonschema_description:"Keys that sign each request according to Standard Webhooks: 16 bytes or more, or whsec_ and base64."`
	Timeout        Duration `yaml:"timeout" jsonschema:"default=30s" jsonschema_description:"The limit for a request and its response."`
	DialTimeout    Duration `yaml:"dial_timeout" jsonschema:"default=10s"`
	TLSTimeout     Duration `yaml:"tls_timeout" jsonschema:"default=10s"`
	HeaderTimeout  Duration `yaml:"header_timeout" jsonschema_description:"The limit for the response's status and headers. Without it, only timeout applies."`
	MaxRetryAfter  Duration `yaml:"max_retry_after" jsonschema:"default=1h" jsonschema_description:"The longest pause that a server may ask for."`
	MaxConnections int      `yaml:"max_connections" jsonschema:"minimum=1,maximum=65535" jsonschema_description:"The highest number of connections. The default is no limit."`
	CAFile         string   `yaml:"ca_file" jsonschema_description:"PEM file of the trusted certificate authorities. Empty means the system's."`
	CertFile       string   `yaml:"cert_file" jsonschema_description:"PEM file of a client certificate."`
	KeyFile        string   `yaml:"key_file" jsonschema_description:"PEM file of the client certificate's key."`
	AllowPrivate   bool     `yaml:"allow_private" jsonschema:"default=false" jsonschema_description:"Allow addresses that are not public, such as loopback."`
}

// Header is a header of each request.
type Header struct {
	Name  string `yaml:"name" jsonschema:"required,format=header-name"`
	Value Secret `yaml:"value" jsonschema:"required"`
}

// LogLine is job.Log.
type LogLine struct {
	Level        string `yaml:"level" jsonschema:"enum=debug,enum=info,enum=warn,enum=error,default=info"`
	MaxBodyBytes Size   `yaml:"max_body_bytes" jsonschema:"default=1KiB" jsonschema_description:"How much of the body is logged."`
}

// Forward is job.Forward.
type Forward struct {
	Broker   string `yaml:"broker" jsonschema:"maxLength=200" jsonschema_description:"The name in brokers of the broker to publish to. Empty means the queue's."`
	Exchange string `yaml:"exchange" jsonschema:"maxLength=255" jsonschema_description:"The exchange to publish to. Empty means the default exchange, whose keys are names of queues."`
	Key      string `yaml:"key" jsonschema:"maxLength=255" jsonschema_description:"The routing key. Empty means the message's own."`
}

// Emits is job.Emits, on the queue's broker.
type Emits struct {
	Exchange    string `yaml:"exchange" jsonschema:"required,maxLength=255" jsonschema_description:"The exchange to publish to. Empty means the default exchange, whose keys are names of queues."`
	Codec       string `yaml:"codec" jsonschema:"maxLength=200" jsonschema_description:"The name in codecs of the codec that encodes the bodies. The default is none."`
	MaxMessages int    `yaml:"max_messages" jsonschema:"minimum=1,maximum=100000,default=1000" jsonschema_description:"The most messages for one handled message."`
	MaxBytes    Size   `yaml:"max_bytes" jsonschema_description:"The largest output of exec, or response to webhook. The default is 1MiB. For persistent, max_answer_bytes is the limit."`
}

// Replies is job.Replies.
type Replies struct {
	ContentType string `yaml:"content_type" jsonschema:"maxLength=255" jsonschema_description:"The content type of what exec writes to stdout. The default is application/json, which is checked."`
	MaxBytes    Size   `yaml:"max_bytes" jsonschema_description:"The largest output of exec, or response to webhook. The default is 1MiB. For persistent, max_answer_bytes is the limit."`
}

// Kind returns which of Kinds h has, or "".
func (h Handler) Kind() string {
	switch {
	case h.Exec != nil:
		return "exec"
	case h.Persistent != nil:
		return "persistent"
	case h.Webhook != nil:
		return "webhook"
	case h.Log != nil:
		return "log"
	case h.Forward != nil:
		return "forward"
	case h.Go != "":
		return "go"
	}
	return ""
}
