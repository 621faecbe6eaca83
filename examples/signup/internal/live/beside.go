package live

import "net/http"

// Beside serves the pages of New at their paths, and the service at all other paths.
func Beside(pages, service http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", service)
	for _, path := range []string{LivePath, InboxPath, InboxPath + "/", JourneyPath} {
		mux.Handle(path, pages)
	}
	return mux
}

// Absent replaces New in a process that runs the service alone. The pages of the service link
// to the pages of New, so Absent answers there with how to get them.
func Absent() http.Handler {
	return Guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = Render(w, http.StatusNotFound, Notice{ // an error means that the visitor has disconnected
			Title: "Not in this process", Bad: true,
			Text: "This process runs the service alone. Start the program without -role to see the live page, the journeys and the inbox.",
		})
	}))
}
