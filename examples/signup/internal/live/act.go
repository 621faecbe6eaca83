package live

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// maxForm is the largest form, in bytes.
const maxForm = 4 << 10

// verbs are those that a form may send.
var verbs = []Verb{
	SignUp, SignUpSync, MendMail, SlowMail, StopMail, Bounce, FloodAndReset, KillConnection, Scale, Replay, Cancel,
}

// act does what a button says, notes what came of it, and leads back to the page,
// which shows the note.
func (h *handler) act(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	a, err := action(r)
	said := ""
	if err == nil {
		said, err = h.demo.Do(r.Context(), a)
	}
	if err != nil {
		h.log.Warn("live: not done", "verb", a.Verb, "error", err)
		said = err.Error()
	}
	h.notes.add(note{At: time.Now(), Text: said, Bad: err != nil})
	http.Redirect(w, r, LivePath, http.StatusSeeOther)
}

// action reads the form.
func action(r *http.Request) (a Action, err error) {
	if err := r.ParseForm(); err != nil {
		return a, fmt.Errorf("live: the form cannot be read: %w", err)
	}
	a = Action{
		Verb:    Verb(r.PostForm.Get("verb")),
		Address: r.PostForm.Get("address"),
		Queue:   r.PostForm.Get("queue"),
	}
	if !slices.Contains(verbs, a.Verb) {
		return a, fmt.Errorf("live: the verb is %q, want one of %q", a.Verb, verbs)
	}
	switch a.Verb {
	case SignUp, SignUpSync, FloodAndReset:
		a.Count, err = number(r, "count", 10_000)
	case Scale:
		a.Concurrency, err = number(r, "concurrency", 32)
	default: // the others need no number
	}
	return a, err
}

func number(r *http.Request, field string, most int) (int, error) {
	text := r.PostForm.Get(field)
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("live: %s is %q, want 1 to %d", field, text, most)
	}
	return n, nil
}

// note is a sentence about an action.
type note struct {
	At   time.Time
	Text string
	Bad  bool
}

// notes keeps the latest notes, for everybody who watches. Safe for concurrent use.
type notes struct {
	mu   sync.Mutex
	kept []note
}

const keptNotes = 6

func (n *notes) add(one note) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.kept = slices.Insert(n.kept, 0, one)
	n.kept = n.kept[:min(len(n.kept), keptNotes)]
}

// latest returns the notes, the latest first.
func (n *notes) latest() []note {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.kept)
}
