package wiring

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/warren-mq/warren/codec"
	"github.com/warren-mq/warren/codec/claim"
	"github.com/warren-mq/warren/codec/cloudevents"
	"github.com/warren-mq/warren/codec/jsonschema"
	"github.com/warren-mq/warren/codec/zstd"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/runner/internal/config"
)

// Codecs makes the codecs of a configuration, each when it is first used. Close it after the
// last message. The codecs are safe for concurrent use, but Of is not.
type Codecs struct {
	config *config.Config
	log    *slog.Logger
	made   map[string]*codec.Codec
	open   []io.Closer
}

// NewCodecs returns the codecs of c.
func NewCodecs(c *config.Config, log *slog.Logger) *Codecs {
	return &Codecs{config: c, log: log, made: make(map[string]*codec.Codec)}
}

// Of returns the codec with a name. It returns nil if the name is empty.
func (c *Codecs) Of(name string) (*codec.Codec, error) {
	if name == "" {
		return nil, nil //nolint:nilnil // no codec, and nothing is wrong
	}
	if made := c.made[name]; made != nil {
		return made, nil
	}
	of := c.config.FindCodec(name)
	if of == nil {
		return nil, fmt.Errorf("runner: codec %q is not in codecs", name)
	}
	made, err := c.make(*of)
	if err != nil {
		return nil, fmt.Errorf("runner: codec %q: %w", name, err)
	}
	c.made[name] = made
	return made, nil
}

// Close closes the stores of bodies.
func (c *Codecs) Close() error {
	errs := make([]error, len(c.open))
	for i, one := range c.open {
		errs[i] = one.Close()
	}
	c.open = nil
	return errors.Join(errs...)
}

func (c *Codecs) make(of config.Codec) (*codec.Codec, error) {
	base, err := innermost(of)
	if err != nil {
		return nil, err
	}
	encodings := compressions(of)
	if of.Seal != nil {
		sealed, err := newSealed(*of.Seal, of.Name, c.log)
		if err != nil {
			return nil, err
		}
		encodings = append(encodings, sealed)
	}
	if of.Claim != nil {
		store, err := OpenStore(*of.Claim)
		if err != nil {
			return nil, err
		}
		c.open = append(c.open, store)
		encodings = append(encodings, claim.Encoding(store, claim.Config{MinBytes: int(of.Claim.MinBytes), MaxBytes: int(of.MaxBytes)}))
	}
	return codec.New(base, encodings...), nil
}

// innermost returns the codec without its encodings. It leaves bodies as they are, checks them
// and wraps them as CloudEvents.
func innermost(of config.Codec) (handler.Codec, error) {
	base := handler.Raw()
	texts := make(map[string]string, len(of.Schemas))
	for _, s := range of.Schemas {
		text, err := os.ReadFile(s.File)
		if err != nil {
			return nil, fmt.Errorf("schema of %q: %w", s.Key, err)
		}
		texts[s.Key] = string(text)
	}
	if len(texts) > 0 {
		s, err := jsonschema.Compile(texts)
		if err != nil {
			return nil, err
		}
		base = s.Codec(base)
	}
	if e := of.CloudEvents; e != nil {
		base = cloudevents.New(cloudevents.Config{Source: e.Source, Structured: e.Structured, Data: base})
	}
	return base, nil
}

// compressions returns gzip and zstd, both of which are opened. One of them compresses at most.
func compressions(of config.Codec) []codec.Encoding {
	limits := func(name string) codec.Limits {
		if of.Compress != name {
			return codec.Limits{MinBytes: math.MaxInt, MaxBytes: int(of.MaxBytes)}
		}
		return codec.Limits{MinBytes: int(of.MinBytes), MaxBytes: int(of.MaxBytes)}
	}
	return []codec.Encoding{codec.Gzip(limits("gzip")), zstd.Encoding(limits("zstd"))}
}

// maxConnections is how many connections the codecs of a queue have to a database.
const maxConnections = 4

// Store is a store of bodies. Close it after its last use.
type Store interface {
	claim.Store
	io.Closer
	// Sweep deletes the bodies that were put longer than age ago, and returns their number.
	Sweep(ctx context.Context, age time.Duration) (int64, error)
}

// database is a Store in a database of its own.
type database struct {
	*claim.SQL
	io.Closer
}

// OpenStore opens the store of a codec.
func OpenStore(of config.Claim) (Store, error) {
	switch {
	case of.Dir != "":
		return claim.OpenDir(of.Dir)
	case of.S3 != nil:
		return of.S3.Store()
	}
	text, err := of.Postgres.Reveal()
	if err != nil {
		return nil, fmt.Errorf("claim.postgres: %w", err)
	}
	to, err := pgx.ParseConfig(text)
	if err != nil {
		return nil, errors.New("claim.postgres is not the URL of a database") // without the cause, whose text may contain a password
	}
	db := stdlib.OpenDB(*to)
	db.SetMaxOpenConns(maxConnections)
	return database{claim.NewSQL(db), db}, nil
}

// opener is a codec that needs the message: see handler.Codec.
type opener interface {
	OpenMessage(ctx context.Context, m *message.Message) (*message.Message, handler.Codec, error)
}

// open returns m as it was before c encoded it. The attributes of a CloudEvent are headers, in
// structured mode too.
func open(ctx context.Context, c handler.Codec, m *message.Message) (*message.Message, error) {
	for {
		outer, ok := c.(opener)
		if !ok {
			break
		}
		var err error
		if m, c, err = outer.OpenMessage(ctx, m); err != nil {
			return nil, err
		}
	}
	var e cloudevents.Event
	if c.Unmarshal(m.Body, &e) == nil { // otherwise it is no event
		headers := make(message.Headers, len(m.Headers))
		maps.Copy(headers, m.Headers)
		maps.Copy(headers, e.Headers())
		m.Headers = headers
	}
	return m, nil
}

// later is a codec that is made when it is first used, so that its faults concern the messages
// of one schedule alone.
type later struct {
	handler.Codec

	codecs *Codecs
	name   string
}

func (l later) MarshalMessage(ctx context.Context, m *message.Message, v any) error {
	made, err := l.codecs.Of(l.name)
	if err != nil {
		return err
	}
	return made.MarshalMessage(ctx, m, v)
}

func (l later) Unsent(ctx context.Context, m *message.Message) {
	if made, err := l.codecs.Of(l.name); err == nil {
		made.Unsent(ctx, m)
	}
}
