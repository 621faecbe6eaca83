package console

import (
	"bytes"
	"embed"
	"encoding/base64"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/warren-mq/warren/internal/printable"
)

//go:embed templates assets
var files embed.FS

// templates returns the template of each page, within the layout, by file name. Programs that show no
// page do not parse them.
var templates = sync.OnceValue(parse)

// frame is the data of the layout.
type frame struct {
	Base    string // the console's path
	Brokers []Link // the consoles of all brokers, if there are several
	Section string // the first part of the page's path
	Here    string // the page's path and query, relative to the console's path
	User    string
	Cookie  bool // the user can log out
	Control bool // the user may act
	Live    bool // the page changes by itself
	Notice  *outcome
	Now     time.Time
	Page    any
}

// words are the functions of the templates. Text of messages must pass through cell or text,
// unless it is a value of a field or of an address.
var words = template.FuncMap{
	"cell":     printable.Cell,
	"line":     line,
	"text":     printable.Text,
	"count":    count,
	"plural":   plural,
	"rate":     rate,
	"age":      age,
	"when":     when,
	"short":    short,
	"escape":   escape,
	"flow":     flow,
	"bars":     bars,
	"shorten":  shorten,
	"waits":    waitsFor,
	"tab":      tabOf,
	"pageLink": pageLink,
	"rows":     func(f frame, all []inHand) rowsOf { return rowsOf{f, all} },
	"row":      func(f frame, row any) rowOf { return rowOf{f, row} },
	"since":    func(t, now time.Time) time.Duration { return now.Sub(t) },
	"query":    func(address string) bool { return strings.Contains(address, "?") },
	"past":     func(q queue) []sample { return q.history },
	"states":   statesOf,
	"base64":   base64.StdEncoding.EncodeToString,
}

// tab is a link of the navigation.
type tab struct {
	Base, Path, Text string
	Here             bool
}

func tabOf(f frame, path, text string) tab { return tab{f.Base, path, text, f.Section == path} }

// rowsOf and rowOf are rows of a table, with the data of the layout.
type rowsOf struct {
	Frame frame
	Rows  []inHand
}

type rowOf struct {
	Frame frame
	Row   any
}

// pageLink returns the address of another page of the same table.
func pageLink(f frame, page int) string {
	path, text, _ := strings.Cut(f.Here, "?")
	query, err := url.ParseQuery(text)
	if err != nil {
		query = make(url.Values)
	}
	query.Set("page", strconv.Itoa(page))
	return f.Base + path + "?" + query.Encode()
}

// statesOf counts the processes of a queue by the state that they announce.
func statesOf(q queue) map[string]int {
	all := make(map[string]int)
	for _, m := range q.Members {
		if m.Missing {
			all["missing"]++
		} else {
			all[m.State]++
		}
	}
	return all
}

func parse() map[string]*template.Template {
	layout := template.Must(template.New("layout").Funcs(words).ParseFS(files, "templates/layout.html", "templates/parts/*.html"))
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	parsed := make(map[string]*template.Template, len(names))
	for _, name := range names {
		parsed[name[len("templates/"):]] = template.Must(template.Must(layout.Clone()).ParseFS(files, name))
	}
	return parsed
}

// frame returns the data of the layout around a page.
func (c *Console) frame(r *http.Request, page any) frame {
	v := visitorOf(r)
	rest := strings.TrimPrefix(r.URL.EscapedPath(), c.config.Path)
	section, _, _ := strings.Cut(rest, "/")
	query := r.URL.Query()
	notice := c.notices.of(query.Get("note"))
	for _, once := range []string{"note", "fresh"} {
		query.Del(once)
	}
	if text := query.Encode(); text != "" {
		rest += "?" + text
	}
	return frame{
		Base: c.config.Path, Brokers: c.config.Brokers, Section: section, Here: rest, User: v.User, Cookie: v.cookie, Control: c.config.Control && !v.ReadOnly,
		Notice: notice, Now: time.Now(), Page: page,
	}
}

// render answers with a page. It renders the whole page before it sends the first byte.
func (c *Console) render(w http.ResponseWriter, r *http.Request, status int, name string, data any) {
	var page bytes.Buffer
	f := c.frame(r, data)
	f.Live = templates()[name].Lookup("state") != nil && status == http.StatusOK
	if err := templates()[name].ExecuteTemplate(&page, "layout", f); err != nil {
		c.log.Error("console: render a page", "page", name, "error", err)
		http.Error(w, "console: the page could not be rendered; see the log", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = page.WriteTo(w) // an error means that the client has closed the connection
}
