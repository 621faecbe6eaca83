package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const ledgerPrefix = "ledger-"

// ledgerFile is the ledger of one worker process. Each entry is one write of a line, which
// the kernel keeps when the process is killed.
type ledgerFile struct {
	mu   sync.Mutex // keeps the times in order
	file *os.File
}

func openLedger(dir string) (*ledgerFile, error) {
	f, err := os.OpenFile(filepath.Join(dir, fmt.Sprint(ledgerPrefix, os.Getpid())), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	return &ledgerFile{file: f}, err
}

func (l *ledgerFile) write(mode string, number int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := fmt.Fprintf(l.file, "%s %d %d\n", mode, number, time.Now().UnixNano())
	return err
}

// entry says that a message was handled.
type entry struct {
	mode   string
	number int
	at     time.Time
}

// ledger reads the files of all worker processes. It is safe for concurrent use.
type ledger struct {
	dir string

	mu      sync.Mutex
	offsets map[string]int64
	entries []entry
	copies  map[string]map[int]int // by mode and number
}

func newLedger(dir string) *ledger {
	return &ledger{dir: dir, offsets: make(map[string]int64), copies: make(map[string]map[int]int)}
}

// read reads what was written since the last call.
func (l *ledger) read() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	files, err := filepath.Glob(filepath.Join(l.dir, ledgerPrefix+"*"))
	if err != nil {
		return err
	}
	for _, name := range files {
		if err := l.readFile(name); err != nil {
			return err
		}
	}
	return nil
}

func (l *ledger) readFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was read
	if _, err := f.Seek(l.offsets[name], 0); err != nil {
		return err
	}
	for r := bufio.NewReader(f); ; {
		line, err := r.ReadBytes('\n')
		if err != nil { // the rest is read next time
			return nil
		}
		l.offsets[name] += int64(len(line))
		var e entry
		var nanos int64
		if _, err := fmt.Fscan(bytes.NewReader(line), &e.mode, &e.number, &nanos); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		e.at = time.Unix(0, nanos)
		l.add(e)
	}
}

func (l *ledger) add(e entry) {
	l.entries = append(l.entries, e)
	if l.copies[e.mode] == nil {
		l.copies[e.mode] = make(map[int]int)
	}
	l.copies[e.mode][e.number]++
}

// count returns how many different messages of a mode were handled.
func (l *ledger) count(mode string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.copies[mode])
}

// missing returns how many of the messages of a mode were not handled.
func (l *ledger) missing(mode string, sent map[int]time.Time) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for number := range sent {
		if l.copies[mode][number] == 0 {
			n++
		}
	}
	return n
}

// last returns the highest number of a mode.
func (l *ledger) last(mode string) (highest int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for number := range l.copies[mode] {
		highest = max(highest, number)
	}
	return highest
}
