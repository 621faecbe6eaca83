package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Note is what an operator has written about the dead letters of a queue: about a group of
// them, or about one message.
type Note struct {
	Console string    `json:"console"` // Config.Path of the console that it was written in
	Queue   string    `json:"queue"`   // the work queue
	Group   string    `json:"group,omitempty"`
	ID      string    `json:"id,omitempty"` // of the message; empty for a note about a group
	Text    string    `json:"text"`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
}

// about reports whether n and other are notes about the same.
func (n Note) about(other Note) bool {
	return n.Console == other.Console && n.Queue == other.Queue && n.Group == other.Group && n.ID == other.ID
}

// Notes keeps the notes of several consoles of a process. Its methods are safe for concurrent
// use.
type Notes struct {
	file string // empty means in memory
	mu   sync.Mutex
	all  []Note // the oldest first
}

// Bounds of what is kept.
const (
	maxNote      = 2000 // bytes of a text
	maxNotes     = 5000
	maxNotesFile = 64 << 20 // bytes
)

// OpenNotes returns the notes that file has, and keeps further notes there: at most 5,000 of
// 2,000 bytes each. A file that does not exist is created with the first note, for the owner
// alone. One process may use the file at a time. It returns an error if the file cannot be
// read, and leaves it as it is.
func OpenNotes(file string) (*Notes, error) {
	n := &Notes{file: file}
	if err := n.read(); err != nil {
		return nil, fmt.Errorf("console: read the notes in %s: %w; repair or move the file", file, err)
	}
	return n, nil
}

func (n *Notes) read() error {
	info, err := os.Stat(n.file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		_, err := os.Stat(filepath.Dir(n.file)) // where it is to be written
		return err
	case err != nil:
		return err
	case info.Size() > maxNotesFile:
		return fmt.Errorf("it has %d bytes, want at most %d", info.Size(), maxNotesFile)
	}
	data, err := os.ReadFile(n.file)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, &n.all)
}

// of returns the notes about the dead letters of a queue.
func (n *Notes) of(console, queue string) []Note {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(n.all), func(one Note) bool { return one.Console != console || one.Queue != queue })
}

// put replaces the note about the same. A note without text is removed.
func (n *Notes) put(note Note) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := slices.DeleteFunc(slices.Clone(n.all), note.about)
	if note.Text != "" {
		all = append(all, note)
	}
	if len(all) > maxNotes {
		return fmt.Errorf("console: there are %d notes already, which is the limit; remove some", maxNotes)
	}
	if err := n.write(all); err != nil {
		return fmt.Errorf("console: keep a note in %s: %w", n.file, err)
	}
	n.all = all
	return nil
}

// write replaces the file in one step, so that a crash leaves the old or the new notes.
func (n *Notes) write(all []Note) error {
	if n.file == "" {
		return nil
	}
	data, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(n.file), filepath.Base(n.file)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(append(data, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), n.file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
