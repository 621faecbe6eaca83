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

// verbs holds the verbs that a form may send.
var verbs = []Verb{
	SignUp, SignUpSync, FixMail, SlowMail, StopMail, Bounce, FloodAndReset, KillConnection, Scale, Replay, Cancel, Play,
}

// act runs the action of a button, keeps its result as a note, and redirects to the live page,
// which shows the note.
func (h *handler) act(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	a, err := action(r)
	result := ""
	if err == nil {
		result, err = h.demo.Do(r.Context(), a)
	}
	if err != nil {
		h.log.Warn("live: action failed", "verb", a.Verb, "error", err)
		result = err.Error()
	}
	h.notes.add(note{At: time.Now(), Text: result, Bad: err != nil})
	http.Redirect(w, r, LivePath, http.StatusSeeOther)
}

// action returns the action that the form describes.
func action(r *http.Request) (a Action, err error) {
	if err := r.ParseForm(); err != nil {
		return a, fmt.Errorf("live: parse the form: %w", err)
	}
	a = Action{
		Verb:    Verb(r.PostForm.Get("verb")),
		Address: r.PostForm.Get("address"),
		Queue:   r.PostForm.Get("queue"),
	}
	if !slices.Contains(verbs, a.Verb) {
		return a, fmt.Errorf("live: unknown verb %q, want one of %q", a.Verb, verbs)
	}
	switch a.Verb {
	case SignUp, SignUpSync, FloodAndReset:
		a.Count, err = number(r, "count", 10_000)
	case Scale:
		a.Concurrency, err = number(r, "concurrency", 32)
	case Play:
		if r.PostForm.Has("chapter") {
			a.Chapter, err = number(r, "chapter", Chapters)
		}
	default: // the other verbs take no number
	}
	return a, err
}

func number(r *http.Request, field string, most int) (int, error) {
	text := r.PostForm.Get(field)
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("live: invalid %s %q, want 1 to %d", field, text, most)
	}
	return n, nil
}

// note is the result of an action, as a sentence.
type note struct {
	At   time.Time
	Text string
	Bad  bool
}

// notes keeps the latest notes, which all visitors see. It is safe for concurrent use.
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

// latest returns the notes in order, the latest first.
func (n *notes) latest() []note {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.kept)
}
