package console

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/warren-mq/warren/deadletter"
	"github.com/warren-mq/warren/internal/look"
	"github.com/warren-mq/warren/internal/printable"
)

// view returns the data of a page.
type view func(r *http.Request) (any, error)

// action changes something. It returns what it has done.
type action func(r *http.Request, v values) (outcome, error)

// outcome is the result of an action.
type outcome struct {
	Text   string `json:"text"`             // a sentence
	Detail any    `json:"detail,omitempty"` // for programs
	Failed bool   `json:"failed,omitempty"` // it was done in part
	Page   string `json:"page,omitempty"`   // where to see it; empty means the page of the form
}

// routes returns the handler of all pages, actions and the API.
func (c *Console) routes() http.Handler {
	mux := http.NewServeMux()
	path := c.config.Path
	mux.HandleFunc("GET "+path+"login", c.showLogin)
	mux.HandleFunc("POST "+path+"login", c.login)
	mux.HandleFunc("POST "+path+"logout", c.logout)
	mux.Handle("GET "+path+"assets/", http.StripPrefix(path+"assets", look.Handler(files)))
	c.page(mux, "{$}", "overview.html", c.overview)
	c.page(mux, "queues", "queues.html", c.queues)
	c.page(mux, "queues/{queue}", "queue.html", c.queue)
	c.page(mux, "processes", "processes.html", c.processes)
	c.page(mux, "working", "working.html", c.working)
	c.page(mux, "working/{process}", "stack.html", c.stack)
	c.page(mux, "deadletters", "deadletters.html", c.deadLetterQueues)
	c.page(mux, "deadletters/{queue}", "groups.html", c.groups)
	c.page(mux, "deadletters/{queue}/letters", "letters.html", c.letters)
	c.page(mux, "deadletters/{queue}/letter", "letter.html", c.letter)
	c.page(mux, "deadletters/{queue}/replay", "replay.html", c.choose)
	c.page(mux, "deadletters/{queue}/discard", "discard.html", c.choose)
	c.page(mux, "deadletters/{queue}/edit", "edit.html", c.edit)
	c.page(mux, "deadletters/{queue}/notes", "notes.html", c.showNotes)
	mux.HandleFunc("GET "+path+"deadletters/{queue}/export", c.export)
	mux.HandleFunc("GET "+path+"api/deadletters/{queue}/export", c.export)
	c.page(mux, "jobs", "jobs.html", c.showJobs)
	c.page(mux, "jobs/{id}", "job.html", c.showJob)
	c.page(mux, "delayed", "delayed.html", c.delayed)
	c.page(mux, "delayed/{queue}", "delays.html", c.delays)
	c.page(mux, "delayed/{queue}/message", "delay.html", c.delay)
	c.page(mux, "schedules", "schedules.html", c.schedules)
	c.page(mux, "topology", "topology.html", c.topology)
	c.page(mux, "publish", "publish.html", c.showPublish)
	c.actions(mux)
	mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		c.refuse(w, r, http.StatusNotFound, errNoPage)
	})
	return mux
}

var errNoPage = errors.New("console: there is no such page")

func (c *Console) actions(mux *http.ServeMux) {
	c.action(mux, "queues/{queue}/pause", c.control("pause"))
	c.action(mux, "queues/{queue}/resume", c.control("resume"))
	c.action(mux, "queues/{queue}/scale", c.scale)
	c.action(mux, "processes/{process}/drain", c.drain)
	c.action(mux, "processes/{process}/log-level", c.logLevel)
	c.action(mux, "working/{process}/cancel", c.cancel)
	c.action(mux, "deadletters/{queue}/replay", c.replay)
	c.action(mux, "deadletters/{queue}/discard", c.discard)
	c.action(mux, "deadletters/{queue}/read", c.survey)
	c.action(mux, "deadletters/{queue}/edit", c.applyEdit)
	c.action(mux, "deadletters/{queue}/note", c.note)
	c.form(mux, "deadletters/{queue}/preview", "edit.html", c.preview)
	c.action(mux, "jobs/{id}/cancel", c.cancelJob)
	c.action(mux, "delayed/{queue}/run-now", c.changeDelay("delay-run-now"))
	c.action(mux, "delayed/{queue}/cancel", c.changeDelay("delay-cancel"))
	c.action(mux, "schedules/run-now", c.runSchedule)
	c.action(mux, "publish", c.publish)
}

// page registers a page, the stream of its changes, and its data as JSON.
func (c *Console) page(mux *http.ServeMux, path, name string, v view) {
	mux.HandleFunc("GET "+c.config.Path+path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Vary", "Accept")
		if wantsEvents(r) {
			c.stream(w, r, name, v)
			return
		}
		data, err := v(r)
		if err != nil {
			c.refuse(w, r, statusOf(err), err)
			return
		}
		c.render(w, r, http.StatusOK, name, data)
	})
	mux.HandleFunc("GET "+c.config.Path+"api/"+strings.Replace(path, "{$}", "overview", 1), func(w http.ResponseWriter, r *http.Request) {
		data, err := v(r)
		if err != nil {
			c.refuse(w, r, statusOf(err), err)
			return
		}
		c.respond(w, http.StatusOK, data)
	})
}

// action registers an action as the target of a form, and as a JSON API.
func (c *Console) action(mux *http.ServeMux, path string, act action) {
	do := func(w http.ResponseWriter, r *http.Request) (o outcome, ok bool) {
		err := c.mayAct(r)
		if err != nil {
			c.log.did(r, path, err)
			c.refuse(w, r, http.StatusForbidden, err)
			return o, false
		}
		v, err := read(r)
		if err == nil {
			o, err = act(r, v)
		}
		c.log.did(r, path, err, append([]any{"result", o.Text}, v.logged(r)...)...)
		if err != nil {
			c.refuse(w, r, statusOf(err), err)
		}
		return o, err == nil
	}
	mux.HandleFunc("POST "+c.config.Path+path, func(w http.ResponseWriter, r *http.Request) {
		if o, ok := do(w, r); ok {
			c.show(w, r, o)
		}
	})
	mux.HandleFunc("POST "+c.config.Path+"api/"+path, func(w http.ResponseWriter, r *http.Request) {
		if o, ok := do(w, r); ok {
			c.respond(w, http.StatusOK, o)
		}
	})
}

// form registers a page that is the answer to a form, and its data as JSON. It changes nothing,
// but has a body like an action.
func (c *Console) form(mux *http.ServeMux, path, name string, view func(*http.Request, values) (any, error)) {
	do := func(w http.ResponseWriter, r *http.Request) (any, bool) {
		if err := c.mayAct(r); err != nil {
			c.refuse(w, r, http.StatusForbidden, err)
			return nil, false
		}
		v, err := read(r)
		var data any
		if err == nil {
			data, err = view(r, v)
		}
		if err != nil {
			c.refuse(w, r, statusOf(err), err)
		}
		return data, err == nil
	}
	mux.HandleFunc("POST "+c.config.Path+path, func(w http.ResponseWriter, r *http.Request) {
		if data, ok := do(w, r); ok {
			c.render(w, r, http.StatusOK, name, data)
		}
	})
	mux.HandleFunc("POST "+c.config.Path+"api/"+path, func(w http.ResponseWriter, r *http.Request) {
		if data, ok := do(w, r); ok {
			c.respond(w, http.StatusOK, data)
		}
	})
}

// show leads to the page that shows the outcome.
func (c *Console) show(w http.ResponseWriter, r *http.Request, o outcome) {
	page := o.Page
	if page == "" {
		page = r.PostFormValue("back")
	}
	to := c.within(page)
	if u, err := url.Parse(to); err == nil {
		query := u.Query()
		query.Set("note", c.notices.add(o))
		u.RawQuery = query.Encode()
		to = u.String()
	}
	http.Redirect(w, r, to, http.StatusSeeOther) //nolint:gosec // within begins the address with the console's path
}

// Errors with a status.
type statusError struct {
	status int
	error
}

func (e *statusError) Unwrap() error { return e.error }

func notFound(err error) error { return &statusError{http.StatusNotFound, err} }
func invalid(err error) error  { return &statusError{http.StatusBadRequest, err} }

func statusOf(err error) int {
	if e, ok := errors.AsType[*statusError](err); ok {
		return e.status
	}
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, deadletter.ErrNotFound), errors.Is(err, deadletter.ErrNoQueue):
		return http.StatusNotFound
	case errors.Is(err, deadletter.ErrInspected):
		return http.StatusConflict
	case errors.Is(err, errSlowRead):
		return http.StatusGatewayTimeout
	}
	return http.StatusBadGateway
}

// isAPI reports whether the answer is to be JSON.
func (c *Console) isAPI(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, c.config.Path+"api/")
}

type failureText struct {
	Error string `json:"error"`
}

// refuse answers with an error, as a page or as JSON.
func (c *Console) refuse(w http.ResponseWriter, r *http.Request, status int, err error) {
	if c.isAPI(r) {
		c.respond(w, status, failureText{err.Error()})
		return
	}
	if wantsEvents(r) {
		http.Error(w, err.Error(), status)
		return
	}
	c.render(w, r, status, "notice.html", failureText{err.Error()})
}

func (c *Console) respond(w http.ResponseWriter, status int, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		status, data = http.StatusInternalServerError, []byte(`{"error":"console: the answer cannot be written as JSON"}`)
		c.log.Error("console: encode an answer", "error", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(printable.JSON(data), '\n')) // an error means that the client has closed the connection
}

// escape escapes a name for a path or a query.
func escape(name string) string { return strings.ReplaceAll(url.QueryEscape(name), "+", "%20") }

// pageOf returns the address of a page about a queue, relative to the console's path.
func pageOf(page, queue string) string { return page + "/" + escape(queue) }
