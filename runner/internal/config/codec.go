package config

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"
	"go.yaml.in/yaml/v3"

	"github.com/warren-mq/warren/codec/claim/s3store"
	"github.com/warren-mq/warren/codec/seal"
	"github.com/warren-mq/warren/internal/topic"
)

// Codec names the encodings of bodies. Queues, handlers, emits and schedules choose it by its
// name. Consumers open bodies that are compressed by gzip or zstd, whatever Compress is.
type Codec struct {
	Name        string       `yaml:"name" jsonschema:"required,minLength=1,maxLength=200" jsonschema_description:"The name by which queues, handlers, emits and schedules choose the codec."`
	CloudEvents *CloudEvents `yaml:"cloud_events" jsonschema_description:"Bodies are CloudEvents 1.0. A handler gets the data, and the attributes as headers that begin with cloudEvents_."`
	Schemas     []KeySchema  `yaml:"schemas" jsonschema_description:"JSON Schemas of bodies by routing key. The most specific key decides. A message that breaks its schema is not published, and dead-lettered when it is consumed."`
	Compress    string       `yaml:"compress" jsonschema:"enum=gzip,enum=zstd" jsonschema_description:"How published bodies are compressed. Bodies that would not become smaller stay as they are. Consumers open both."`
	MinBytes    Size         `yaml:"min_bytes" jsonschema:"default=1KiB" jsonschema_description:"The size of the smallest body that is compressed."`
	MaxBytes    Size         `yaml:"max_bytes" jsonschema:"default=16MiB" jsonschema_description:"The size of the largest body when it is decompressed or read from the store of claim. A larger one is not published, and a message with a larger one is dead-lettered."`
	Seal        *Seal        `yaml:"seal" jsonschema_description:"Bodies are encrypted and authenticated by AES-256-GCM: see package codec/seal."`
	Claim       *Claim       `yaml:"claim" jsonschema_description:"Large bodies are kept in a store, and messages have references to them: see package codec/claim. One of dir, postgres and s3 is required."`
}

// CloudEvents is cloudevents.Config.
type CloudEvents struct {
	Source     string `yaml:"source" jsonschema:"required,minLength=1,maxLength=255" jsonschema_description:"A URI that identifies the publisher, such as https://example.com/orders."`
	Structured bool   `yaml:"structured" jsonschema:"default=false" jsonschema_description:"Publish the whole event as JSON in the body. By default the attributes are headers. Consumers accept both."`
}

// KeySchema is the JSON Schema of a routing key.
type KeySchema struct {
	Key  string `yaml:"key" jsonschema:"required,minLength=1,maxLength=255" jsonschema_description:"Pattern of routing keys: * is any one word between dots, # any number of words."`
	File string `yaml:"file" jsonschema:"required,minLength=1" jsonschema_description:"The file of the JSON Schema. It is read when the queue starts."`
}

// Seal configures sealed bodies.
type Seal struct {
	Keys     Secret `yaml:"keys" jsonschema:"required" jsonschema_description:"The keys, one \"ID SECRET\" a line; a secret is 32 bytes in base64 (openssl rand -base64 32). The first key seals, and all open. A file is read again when it changes, without a reload."`
	Optional bool   `yaml:"optional" jsonschema:"default=false" jsonschema_description:"Also handle messages that are not sealed, while publishers are being changed. By default they are dead-lettered."`
}

// Claim configures the store of large bodies. One of Dir, Postgres and S3 is set.
type Claim struct {
	Dir      string `yaml:"dir" jsonschema_description:"A folder that all publishers and consumers share. It must exist."`
	Postgres Secret `yaml:"postgres" jsonschema_description:"The URL of a PostgreSQL database with the table warren_claim: postgres://user:password@host/database."`
	S3       *S3    `yaml:"s3" jsonschema_description:"A bucket of Amazon S3 or of a compatible service. The credentials are the variables AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, the shared credentials file, or the role of the machine."`
	MinBytes Size   `yaml:"min_bytes" jsonschema:"default=128KiB" jsonschema_description:"The size of the smallest body that is stored, after compression."`
}

// S3 is s3store.Config.
type S3 struct {
	Bucket   string `yaml:"bucket" jsonschema:"required,minLength=1" jsonschema_description:"The name of a bucket that exists."`
	Prefix   string `yaml:"prefix" jsonschema_description:"Begins the names of all objects, such as bodies/."`
	Endpoint string `yaml:"endpoint" jsonschema_description:"The URL of the service. The default is the variable AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, or else Amazon S3. http is accepted for loopback addresses only."`
	Region   string `yaml:"region" jsonschema_description:"The region of the bucket. The default is the variable AWS_REGION or AWS_DEFAULT_REGION, or else us-east-1."`
}

// Store returns the store in the bucket.
func (c S3) Store() (*s3store.Store, error) {
	return s3store.Open(s3store.Config{Bucket: c.Bucket, Prefix: c.Prefix, Endpoint: c.Endpoint, Region: c.Region})
}

// UnmarshalYAML begins with the defaults.
func (c *Codec) UnmarshalYAML(n *yaml.Node) error {
	type plain Codec
	*c = Codec{MinBytes: 1 << 10, MaxBytes: 16 << 20}
	return n.Decode((*plain)(c))
}

// UnmarshalYAML begins with the defaults.
func (c *Claim) UnmarshalYAML(n *yaml.Node) error {
	type plain Claim
	*c = Claim{MinBytes: 128 << 10}
	return n.Decode((*plain)(c))
}

// CodecOf returns the name of the codec of a handler of q, or "".
func (q Queue) CodecOf(h Handler) string { return cmp.Or(h.Codec, q.Codec) }

// FindCodec returns the codec with the name, or nil.
func (c *Config) FindCodec(name string) *Codec {
	if i := slices.IndexFunc(c.Codecs, func(one Codec) bool { return one.Name == name }); i >= 0 {
		return &c.Codecs[i]
	}
	return nil
}

// Codecs returns the names of the codecs that q uses. Empty names are no codec.
func (q Queue) Codecs() []string {
	names := []string{q.Codec}
	for _, h := range q.Handlers {
		names = append(names, h.Codec)
		if h.Emits != nil {
			names = append(names, h.Emits.Codec)
		}
	}
	return names
}

func (d *document) checkCodec(path string, c Codec) {
	if c.Compress == "" && d.nodes[join(path, "min_bytes")] != nil {
		d.complainf(join(path, "min_bytes"), "min_bytes is set, want it only with compress")
	}
	for i, s := range c.Schemas {
		at := join(join(path, "schemas"), strconv.Itoa(i))
		if _, err := topic.Parse(s.Key); err != nil && !d.bad[at] {
			d.complainf(join(at, "key"), "%s", err)
		}
	}
	d.checkUnique(join(path, "schemas"), "key")
	if at := join(path, "seal.keys"); c.Seal != nil && !d.bad[join(path, "seal")] && !d.source.Elsewhere {
		if _, err := seal.ParseKeys([]byte(known(c.Seal.Keys))); err != nil {
			d.complainf(at, "keys is wrong: %v", err)
		}
	}
	if c.Claim != nil && !d.bad[join(path, "claim")] {
		d.checkClaim(join(path, "claim"), *c.Claim)
	}
}

func (d *document) checkClaim(path string, c Claim) {
	stores := 0
	for _, set := range []bool{c.Dir != "", !c.Postgres.IsZero(), c.S3 != nil} {
		if set {
			stores++
		}
	}
	if stores != 1 {
		d.complainf(path, "claim has %d of dir, postgres and s3, want one of them", stores)
		return
	}
	if c.S3 != nil && !d.source.Elsewhere {
		if _, err := c.S3.Store(); err != nil {
			d.complainf(join(path, "s3"), "s3 is wrong: %v", err)
		}
	}
	if _, err := pgx.ParseConfig(known(c.Postgres)); err != nil && !c.Postgres.IsZero() && !d.source.Elsewhere { // its text may contain a password
		d.complainf(join(path, "postgres"), "postgres is wrong, want postgres://user:password@host/database")
	}
}
