package live

import (
	"bytes"
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"strings"

	"github.com/warren-mq/warren/internal/look"
)

//go:embed templates assets
var files embed.FS

// pages holds the template of each page, within the layout, by file name.
var pages = parse()

// frame is the data of the layout: the page, and its path in the navigation.
type frame struct {
	Path string
	Page any
}

func parse() map[string]*template.Template {
	layout := template.Must(template.New("layout").Funcs(words).
		ParseFS(files, "templates/layout.html", "templates/parts/*.html"))
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	parsed := make(map[string]*template.Template, len(names))
	for _, name := range names {
		page := template.Must(template.Must(layout.Clone()).ParseFS(files, name))
		parsed[name[len("templates/"):]] = page
	}
	return parsed
}

// Render answers with the page. It returns an error if rendering or sending fails. If
// rendering fails, it answers with status 500.
func Render(w http.ResponseWriter, status int, p Page) error {
	return render(w, status, p.template(), frame{SignUpPath, p})
}

// render renders the whole page before it sends the first byte.
func render(w http.ResponseWriter, status int, name string, f frame) error {
	var page bytes.Buffer
	if err := pages[name].ExecuteTemplate(&page, "layout", f); err != nil {
		http.Error(w, "the page could not be rendered", http.StatusInternalServerError)
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, err := page.WriteTo(w)
	return err
}

// Assets returns a handler that serves the style sheets, the scripts and the icon below
// AssetsPath.
func Assets() http.Handler {
	return http.StripPrefix(strings.TrimSuffix(AssetsPath, "/"), look.Handler(files))
}
