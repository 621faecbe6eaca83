package live

import (
	"context"
	"log/slog"
	"net/http"
)

// shownMails is the number of mails that the inbox shows.
const shownMails = 100

type handler struct {
	ctx   context.Context
	demo  Demo
	log   *slog.Logger
	notes notes
}

// New returns the handler of the demo's pages, wrapped in Guard. It answers at LivePath,
// InboxPath, JourneyPath and AssetsPath. Its event streams end when ctx is done, so that
// http.Server.Shutdown does not wait for open pages.
func New(ctx context.Context, demo Demo, log *slog.Logger) http.Handler {
	h := &handler{ctx: ctx, demo: demo, log: log}
	mux := http.NewServeMux()
	h.page(mux, LivePath, "live.html", h.live)
	h.page(mux, InboxPath, "inbox.html", h.inbox)
	h.page(mux, InboxPath+"/{id}", "mail.html", h.mail)
	h.page(mux, JourneyPath+"{id}", "journey.html", h.journey)
	mux.HandleFunc("POST "+LivePath, h.act)
	mux.Handle("GET "+AssetsPath, Assets())
	return Guard(mux)
}

// view returns the data of a page, and false if the page does not exist.
type view func(r *http.Request) (any, bool)

// page registers a page at path. A request that accepts an event stream gets the stream of the
// page's changes instead.
func (h *handler) page(mux *http.ServeMux, path, name string, v view) {
	mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Vary", "Accept")
		page, ok := v(r)
		var err error
		switch {
		case !ok:
			err = Render(w, http.StatusNotFound, Notice{
				Title: "Not found", Bad: true,
				Text: "It may be from before the last start of the demo, which keeps its state in memory.",
			})
		case r.Header.Get("Accept") == eventStream:
			err = h.stream(w, r, name, v)
		default:
			err = render(w, http.StatusOK, name, frame{r.URL.Path, page})
		}
		if err != nil && r.Context().Err() == nil {
			h.log.Warn("live: sending a page failed", "path", r.URL.Path, "error", err)
		}
	})
}

// liveView is the data of the live page.
type liveView struct {
	Snapshot

	Notes []note
}

func (h *handler) live(*http.Request) (any, bool) {
	return liveView{h.demo.Snapshot(), h.notes.latest()}, true
}

// inboxView is the data of the inbox.
type inboxView struct {
	Elsewhere string // host of the external mail server, if any
	To        string
	Mails     []Mail
}

func (h *handler) inbox(r *http.Request) (any, bool) {
	to := r.URL.Query().Get("to")
	return inboxView{h.demo.Snapshot().MailServer.Elsewhere, to, h.demo.Inbox(to, shownMails)}, true
}

func (h *handler) mail(r *http.Request) (any, bool) {
	m, ok := h.demo.Mail(r.PathValue("id"))
	return m, ok
}

// journeyView is the data of the page of a journey.
type journeyView struct {
	Journey

	Elsewhere string // host of the external mail server, if any
}

func (h *handler) journey(r *http.Request) (any, bool) {
	j, ok := h.demo.Journey(r.PathValue("id"))
	return journeyView{j, h.demo.Snapshot().MailServer.Elsewhere}, ok
}
