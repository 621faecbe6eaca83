package amqp_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
)

// slowConn writes only when it is let, notes each write, and fails on demand.
type slowConn struct {
	net.Conn

	let    chan struct{} // one token a write; closed: no waiting
	fault  error
	mu     sync.Mutex
	got    bytes.Buffer
	writes int
	closed chan struct{}
	once   sync.Once
}

func newSlowConn(fault error) *slowConn {
	return &slowConn{let: make(chan struct{}, 1), closed: make(chan struct{}), fault: fault}
}

func (c *slowConn) Write(p []byte) (int, error) {
	select {
	case <-c.let:
	case <-c.closed:
		return 0, net.ErrClosed
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fault != nil {
		return 0, c.fault
	}
	c.writes++
	return c.got.Write(p)
}

func (c *slowConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

func (c *slowConn) state() (got string, writes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.got.String(), c.writes
}

func write(t *testing.T, w io.Writer, text string) {
	t.Helper()
	if n, err := io.WriteString(w, text); n != len(text) || err != nil {
		t.Errorf("Write(%q) returned %d, %v", text, n, err)
	}
}

// TestWritesAreGathered: what comes during one write leaves with the next, in order,
// and no goroutine waits for it.
func TestWritesAreGathered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := newSlowConn(nil)
		conn := amqp.NewBatchConn(slow)
		write(t, conn, "a")
		synctest.Wait() // "a" is on its way
		for _, text := range []string{"b", "c", "", "d"} {
			write(t, conn, text)
		}
		close(slow.let)
		synctest.Wait()
		if got, writes := slow.state(); got != "abcd" || writes != 2 {
			t.Errorf("%q in %d writes, want abcd in 2", got, writes)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestWriteCopies: the caller may use its bytes again at once.
func TestWriteCopies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := newSlowConn(nil)
		conn := amqp.NewBatchConn(slow)
		p := []byte("one")
		for _, text := range []string{"one", "two", "six"} {
			copy(p, text)
			write(t, conn, string(p))
			synctest.Wait()
		}
		copy(p, "???")
		close(slow.let)
		synctest.Wait()
		if got, _ := slow.state(); got != "onetwosix" {
			t.Errorf("%q was written, want onetwosix", got)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestCloseFlushes: what was accepted leaves before the connection is closed, and
// nothing is accepted after that.
func TestCloseFlushes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := newSlowConn(nil)
		conn := amqp.NewBatchConn(slow)
		write(t, conn, "a")
		synctest.Wait()
		write(t, conn, "b")
		close(slow.let)
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		if got, _ := slow.state(); got != "ab" {
			t.Errorf("%q was written before the close, want ab", got)
		}
		if _, err := conn.Write([]byte("c")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Write after Close returned %v, want net.ErrClosed", err)
		}
	})
}

// TestADeadlineLosesNothing: crypto/tls says goodbye, sets the deadline for writing to
// the present, and closes. The goodbye was accepted and must leave.
func TestADeadlineLosesNothing(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	conn := amqp.NewBatchConn(near)
	write(t, conn, "goodbye")
	if err := conn.SetWriteDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	go func() {
		all, err := io.ReadAll(far)
		if err != nil {
			t.Error(err)
		}
		got <- string(all)
	}()
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if text := <-got; text != "goodbye" {
		t.Errorf("%q arrived, want goodbye", text)
	}
}

// TestCloseIsBounded: a peer that reads nothing does not hold up a close.
func TestCloseIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := newSlowConn(nil)
		conn := amqp.NewBatchConn(slow)
		write(t, conn, "never")
		began := time.Now()
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("Close took %v", took)
		}
	})
}

// TestAWriteErrorIsReported to the next writer, and closes the connection under the
// reader at once.
func TestAWriteErrorIsReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fault := errors.New("cable pulled")
		slow := newSlowConn(fault)
		close(slow.let)
		conn := amqp.NewBatchConn(slow)
		write(t, conn, "a")
		<-slow.closed
		if _, err := conn.Write([]byte("b")); !errors.Is(err, fault) {
			t.Errorf("Write after a failed one returned %v, want %v", err, fault)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestManyWriters: no write is torn apart, and each writer's own stay in order.
func TestManyWriters(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	conn := amqp.NewBatchConn(near)
	const writers, each = 8, 500
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				if _, err := conn.Write(binary.BigEndian.AppendUint32([]byte{byte(w)}, uint32(i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	next := make([]uint32, writers)
	record := make([]byte, 5)
	for range writers * each {
		if _, err := io.ReadFull(far, record); err != nil {
			t.Fatal(err)
		}
		if w, i := record[0], binary.BigEndian.Uint32(record[1:]); int(w) >= writers || i != next[w] {
			t.Fatalf("record %v: want number %v of each writer next", record, next)
		}
		next[record[0]]++
	}
	all.Wait()
	if err := errors.Join(conn.Close(), far.Close()); err != nil {
		t.Error(err)
	}
}
