package live

import (
	"context"
	"log/slog"
	"net/http"
)

// shownMails is how many mails the inbox shows.
const shownMails = 100

type handler struct {
	ctx   context.Context
	demo  Demo
	log   *slog.Logger
	notes notes
}

// New returns the pages of the demo, guarded by Guard; they answer at LivePath,
// InboxPath, JourneyPath and AssetsPath. Streams of events end with ctx, so that
// http.Server.Shutdown need not wait for those who watch.
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

// view returns what a page shows now, and false if there is no such page.
type view func(r *http.Request) (any, bool)

// page answers at path: with the page, or with the stream of its changes to those who
// ask for that.
func (h *handler) page(mux *http.ServeMux, path, name string, v view) {
	mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Vary", "Accept")
		page, ok := v(r)
		var err error
		switch {
		case !ok:
			err = Render(w, http.StatusNotFound, Notice{
				Title: "Nothing here", Bad: true,
				Text: "It may have been before the demo was started anew: it keeps everything in memory.",
			})
		case r.Header.Get("Accept") == eventStream:
			err = h.stream(w, r, name, v)
		default:
			err = render(w, http.StatusOK, name, frame{r.URL.Path, page})
		}
		if err != nil && r.Context().Err() == nil {
			h.log.Warn("live: page not sent", "path", r.URL.Path, "error", err)
		}
	})
}

// liveView is what the live page shows.
type liveView struct {
	Snapshot

	Notes []note
}

func (h *handler) live(*http.Request) (any, bool) {
	return liveView{h.demo.Snapshot(), h.notes.latest()}, true
}

// inboxView is what the inbox shows.
type inboxView struct {
	Elsewhere string // where the mails are instead
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

// journeyView is what the page of a journey shows.
type journeyView struct {
	Journey

	Elsewhere string // where its mails are, if they are not in the inbox
}

func (h *handler) journey(r *http.Request) (any, bool) {
	j, ok := h.demo.Journey(r.PathValue("id"))
	return journeyView{j, h.demo.Snapshot().MailServer.Elsewhere}, ok
}
