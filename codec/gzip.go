package codec

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/warren-mq/warren/message"
)

type gzipEncoding struct {
	limits  Limits
	writers sync.Pool // of *gzip.Writer, each of which has about 800 kB
	readers sync.Pool // of *gzip.Reader
}

// Gzip returns the encoding gzip of RFC 1952. A body stays as it is if it would not become
// smaller.
func Gzip(limits Limits) Encoding { return &gzipEncoding{limits: limits} }

func (g *gzipEncoding) Name() string { return "gzip" }

func (g *gzipEncoding) Required() bool { return false }

func (g *gzipEncoding) Encode(_ context.Context, m *message.Message) (body []byte, ok bool, err error) {
	if !g.limits.Compress(len(m.Body)) {
		return nil, false, nil
	}
	var out bytes.Buffer
	w, ok := g.writers.Get().(*gzip.Writer)
	if !ok {
		w = gzip.NewWriter(&out)
	}
	defer g.writers.Put(w)
	w.Reset(&out)
	if _, err := w.Write(m.Body); err != nil {
		return nil, false, err
	}
	if err := w.Close(); err != nil {
		return nil, false, err
	}
	if out.Len() >= len(m.Body) {
		return nil, false, nil
	}
	return out.Bytes(), true, g.limits.Fits(len(m.Body))
}

func (g *gzipEncoding) Decode(_ context.Context, m *message.Message) ([]byte, error) {
	const trailer = 8
	if len(m.Body) < trailer {
		return nil, fmt.Errorf("codec: the body has %d bytes, want a gzip stream", len(m.Body))
	}
	// The trailer states the size of the last member, which a stream may not exceed either. It
	// refuses a large body before it is decompressed, and is otherwise not trusted.
	if size := binary.LittleEndian.Uint32(m.Body[len(m.Body)-4:]); int64(size) > int64(g.limits.Max()) {
		return nil, g.limits.TooLarge()
	}
	in := bytes.NewReader(m.Body)
	r, ok := g.readers.Get().(*gzip.Reader)
	if !ok {
		r = new(gzip.Reader)
	}
	defer g.readers.Put(r)
	if err := r.Reset(in); err != nil {
		return nil, err
	}
	return g.limits.read(r, 2*len(m.Body))
}
