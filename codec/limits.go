package codec

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
)

// Limits sets which bodies are compressed, and how large a decompressed body may be.
type Limits struct {
	// MinBytes is the size of the smallest body that is compressed. Zero means 1 KiB. A
	// negative value means that all are.
	MinBytes int
	// MaxBytes is the size of the largest decompressed body. Zero means 16 MiB, as for
	// worker.Queue.MaxBodyBytes. A publisher does not compress a larger body: the publish fails.
	// A consumer dead-letters a message with a larger body.
	MaxBytes int
}

// Compress reports whether a body of n bytes is to be compressed.
func (l Limits) Compress(n int) bool { return n >= cmp.Or(l.MinBytes, 1<<10) }

// Max returns MaxBytes, or its default.
func (l Limits) Max() int { return cmp.Or(l.MaxBytes, 16<<20) }

// TooLarge returns an error that states the limit, for a decompressed body that exceeds it.
func (l Limits) TooLarge() error {
	return fmt.Errorf("codec: the decompressed body is too large, want at most %d bytes", l.Max())
}

// Fits returns an error if a body of n bytes is too large to be decompressed again.
func (l Limits) Fits(n int) error {
	if n <= l.Max() {
		return nil
	}
	return fmt.Errorf("codec: compress a body: consumers could not decompress it (got %d bytes, want at most MaxBytes, which is %d)", n, l.Max())
}

// read reads r to its end. It holds at most a little more than twice MaxBytes.
func (l Limits) read(r io.Reader, size int) ([]byte, error) {
	body := bytes.NewBuffer(make([]byte, 0, min(size, l.Max())+bytes.MinRead))
	if _, err := body.ReadFrom(io.LimitReader(r, int64(l.Max())+1)); err != nil {
		return nil, err
	}
	if body.Len() > l.Max() {
		return nil, l.TooLarge()
	}
	return body.Bytes(), nil
}
