package amqp_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/amqp"
)

// TestTableSizeCoversTheWire has amqp091 itself write tables, as the credentials and
// as the properties of a connection, which are the tables it writes first.
func TestTableSizeCoversTheWire(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		table := randomTable(r, 3)
		written := writtenSize(t, table)
		if got := amqp.TableSize(table); got < written {
			t.Errorf("seed %d: TableSize is %d, and amqp091 writes %d bytes of\n%#v", seed, got, written, table)
		}
	}
}

// TestTableSizeIsNotWasteful keeps the estimate near enough for messages that fit.
func TestTableSizeIsNotWasteful(t *testing.T) {
	t.Parallel()
	table := amqp091.Table{"text": strings.Repeat("x", 100_000), "bytes": bytes.Repeat([]byte{1}, 20_000)}
	if got, written := amqp.TableSize(table), writtenSize(t, table); got != written {
		t.Errorf("TableSize is %d, want exactly %d for what has a length of its own", got, written)
	}
}

// writtenSize is how many bytes amqp091 writes for table, its length included.
func writtenSize(t *testing.T, table amqp091.Table) int {
	t.Helper()
	out := &halfBroker{start: bytes.NewReader(connectionStart()), answered: make(chan struct{})}
	properties := amqp091.Table{"headers": table}
	if _, err := amqp091.Open(out, amqp091.Config{SASL: []amqp091.Authentication{&amqp091.ExternalAuth{}}, Properties: properties, Locale: "en_US"}); err == nil {
		t.Fatal("a connection without a broker is open")
	}
	// start-ok begins with the properties: "headers" and its type stand before the table.
	_, rest, ok := bytes.Cut(out.written.Bytes(), []byte("\x07headersF"))
	if !ok {
		t.Fatalf("amqp091 wrote no headers: %q", out.written.Bytes())
	}
	return 4 + int(binary.BigEndian.Uint32(rest))
}

// halfBroker says connection.start, hears the answer, and is gone.
type halfBroker struct {
	start    io.Reader
	written  bytes.Buffer
	answered chan struct{}
}

func (b *halfBroker) Read(p []byte) (int, error) {
	n, err := b.start.Read(p)
	if err != nil {
		<-b.answered
	}
	return n, err
}

// Write notes when the frame behind the eight bytes of the protocol header is whole.
func (b *halfBroker) Write(p []byte) (int, error) {
	b.written.Write(p)
	const header = 8 + 7
	if all := b.written.Bytes(); len(all) > header && len(all) == header+1+int(binary.BigEndian.Uint32(all[header-4:])) {
		close(b.answered)
	}
	return len(p), nil
}

func (b *halfBroker) Close() error { return nil }

// connectionStart is a broker's first frame.
func connectionStart() []byte {
	var f bytes.Buffer
	f.Write([]byte{0, 10, 0, 10, 0, 9})                                 // connection.start of AMQP 0-9
	f.Write([]byte{0, 0, 0, 0})                                         // no properties
	f.WriteString("\x00\x00\x00\x08EXTERNAL" + "\x00\x00\x00\x05en_US") // mechanisms, locales
	return fmt.Appendf(nil, "\x01\x00\x00%s%s\xce", binary.BigEndian.AppendUint32(nil, uint32(f.Len())), f.Bytes())
}

func randomTable(r *rand.Rand, depth int) amqp091.Table {
	table := make(amqp091.Table)
	for range r.IntN(6) {
		table[randomText(r, 40)] = randomField(r, depth)
	}
	return table
}

func randomField(r *rand.Rand, depth int) any {
	kinds := 16
	if depth > 0 {
		kinds = 18
	}
	switch r.IntN(kinds) {
	case 0:
		return nil
	case 1:
		return r.IntN(2) == 0
	case 2:
		return byte(1)
	case 3:
		return int8(-1)
	case 4:
		return r.Int()
	case 5:
		return int16(-1)
	case 6:
		return int32(-1)
	case 7:
		return r.Int64()
	case 8:
		return uint16(1)
	case 9:
		return uint32(1)
	case 10:
		return r.Float32()
	case 11:
		return r.Float64()
	case 12:
		return randomText(r, 300)
	case 13:
		return []byte(randomText(r, 300))
	case 14:
		return amqp091.Decimal{Scale: 1, Value: 2}
	case 15:
		return time.Now()
	case 16:
		return randomTable(r, depth-1)
	}
	list := make([]any, r.IntN(5))
	for i := range list {
		list[i] = randomField(r, depth-1)
	}
	return list
}

func randomText(r *rand.Rand, most int) string {
	b := make([]byte, r.IntN(most))
	for i := range b {
		b[i] = byte('a' + r.IntN(26))
	}
	return string(b)
}
