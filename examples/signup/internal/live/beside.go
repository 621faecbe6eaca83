package live

import "net/http"

// Beside serves the pages of New at their paths, and the service at all others.
func Beside(pages, service http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", service)
	for _, path := range []string{LivePath, InboxPath, InboxPath + "/", JourneyPath} {
		mux.Handle(path, pages)
	}
	return mux
}

// Absent stands in for New in a process that is the service alone: it says where the
// pages are, since those of the service lead to them.
func Absent() http.Handler {
	return Guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = Render(w, http.StatusNotFound, Notice{ // a visitor who has gone
			Title: "Not in this process", Bad: true,
			Text: "This is the service alone. What happens, and the mails, are shown by the demo that runs everything: start it without -role.",
		})
	}))
}
