// Package zstd is the encoding zstd of package codec (RFC 8878), by
// github.com/klauspost/compress. It compresses JSON better than gzip and several times faster.
package zstd

import (
	"context"
	"errors"

	"github.com/klauspost/compress/zstd"

	"github.com/warren-mq/warren/codec"
	"github.com/warren-mq/warren/message"
)

type encoding struct {
	limits  codec.Limits
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

// leastMemory is how much a frame may ask for, even if Limits.MaxBytes is less: encoders write
// the size of their window, which may exceed the size of a small body. RFC 8878 recommends that
// decoders support windows of at least 8 MiB.
const leastMemory = 8 << 20

// Encoding returns the encoding zstd. A body stays as it is if it would not become smaller.
func Encoding(limits codec.Limits) codec.Encoding {
	encoder, err := zstd.NewWriter(nil, zstd.WithWindowSize(1<<20))
	if err != nil {
		panic("zstd: make an encoder: " + err.Error()) // the option is a constant
	}
	memory := uint64(max(limits.Max(), leastMemory))
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxWindow(memory), zstd.WithDecoderMaxMemory(memory))
	if err != nil {
		panic("zstd: make a decoder: " + err.Error()) // the options are valid for every limit
	}
	return &encoding{limits, encoder, decoder}
}

func (e *encoding) Name() string { return "zstd" }

func (e *encoding) Required() bool { return false }

func (e *encoding) Encode(_ context.Context, m *message.Message) (body []byte, ok bool, err error) {
	if !e.limits.Compress(len(m.Body)) {
		return nil, false, nil
	}
	body = e.encoder.EncodeAll(m.Body, make([]byte, 0, len(m.Body)/2))
	if len(body) >= len(m.Body) {
		return nil, false, nil
	}
	return body, true, e.limits.Fits(len(m.Body))
}

func (e *encoding) Decode(_ context.Context, m *message.Message) ([]byte, error) {
	var header zstd.Header
	if err := header.Decode(m.Body); err != nil {
		return nil, err
	}
	if header.HasFCS && header.FrameContentSize > uint64(e.limits.Max()) {
		return nil, e.limits.TooLarge()
	}
	body, err := e.decoder.DecodeAll(m.Body, nil)
	if errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded) || len(body) > e.limits.Max() {
		return nil, e.limits.TooLarge()
	}
	return body, err
}
