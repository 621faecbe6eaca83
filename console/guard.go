package console

import (
	"cmp"
	"context"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/warren-mq/warren/internal/access"
)

// policy allows a page to load only the embedded assets: no inline script or style, no other
// host and no frame.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// maxRequest bounds the body of a request, such as an edited message.
const maxRequest = 4 << 20

var (
	errLogin     = errors.New("console: the token is missing or wrong, want Authorization: Bearer and the token, or the login page")
	errLoopback  = errors.New("console: no token is set, want requests from this machine to a loopback address, and not through a proxy; or set a token")
	errToken     = errors.New("console: reading the token failed; see the log")
	errReadOnly  = errors.New("console: this console only shows; to permit actions, set admin.console to full (in Go: Config.Control)")
	errUser      = errors.New("console: you may not act, only read")
	errForeign   = errors.New("console: the request comes from a page of another site")
	errNoOrigin  = errors.New("console: the request has no Origin; send JSON, or a bearer token")
	errNotLogged = errors.New("console: this console has no login page")
)

// visitor is who has sent a request.
type visitor struct {
	Access

	bearer bool // with a token in the request itself, which a page of another site cannot add
	cookie bool
}

type visitorKey struct{}

// visitorOf returns the visitor that guard has put into the request.
func visitorOf(r *http.Request) visitor {
	v, _ := r.Context().Value(visitorKey{}).(visitor) // guard has set it
	return v
}

// guard sets the security headers, and passes to next only the requests of visitors that may
// see the console. Everything but the login page and the assets needs that.
func (c *Console) guard(next http.Handler) http.Handler {
	crossOrigin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
		if crossOrigin.Check(r) != nil {
			c.refuse(w, r, http.StatusForbidden, errForeign)
			return
		}
		if c.isPublic(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		v, status, err := c.admit(r)
		if err != nil {
			c.turnAway(w, r, status, err)
			return
		}
		c.wake()
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), visitorKey{}, v)))
	})
}

// isPublic reports whether a path needs no token.
func (c *Console) isPublic(path string) bool {
	rest, _ := strings.CutPrefix(path, c.config.Path)
	return rest == "login" || strings.HasPrefix(rest, "assets/")
}

// admit returns who has sent the request, or why that may not see the console.
func (c *Console) admit(r *http.Request) (v visitor, status int, err error) {
	if c.config.Authorize != nil {
		v.Access, err = c.config.Authorize(r)
		v.User = cmp.Or(v.User, "unknown")
		return v, http.StatusForbidden, err
	}
	token, err := c.config.Token()
	if err != nil {
		c.log.Error("console: reading the token failed", "error", err)
		return v, http.StatusInternalServerError, errToken
	}
	if shown, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && access.IsToken(shown, token) {
		return visitor{Access: Access{User: "api"}, bearer: true}, 0, nil
	}
	if name, ok := c.session(r, token); ok {
		return visitor{Access: Access{User: name}, cookie: true}, 0, nil
	}
	switch {
	case token == "" && access.IsLocal(r):
		return visitor{Access: Access{User: "local"}}, 0, nil
	case token == "":
		return v, http.StatusForbidden, errLoopback
	}
	return v, http.StatusUnauthorized, errLogin
}

// turnAway answers a request that is not admitted. A person gets the login page.
func (c *Console) turnAway(w http.ResponseWriter, r *http.Request, status int, err error) {
	if errors.Is(err, errLogin) && r.Method == http.MethodGet && !c.isAPI(r) && !wantsEvents(r) {
		to := url.Values{"to": {strings.TrimPrefix(r.URL.RequestURI(), c.config.Path)}}
		http.Redirect(w, r, c.config.Path+"login?"+to.Encode(), http.StatusSeeOther)
		return
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	c.refuse(w, r, status, err)
}

// mayAct returns why the visitor may not change anything with this request.
func (c *Console) mayAct(r *http.Request) error {
	v := visitorOf(r)
	switch {
	case !c.config.Control:
		return errReadOnly
	case v.ReadOnly:
		return errUser
	case v.bearer || isSameOrigin(r) || isJSON(r):
		return nil
	}
	return errNoOrigin
}

// isSameOrigin reports whether a browser says that the request comes from a page of the
// console's origin. The cross-origin protection has checked the values.
func isSameOrigin(r *http.Request) bool {
	return r.Header.Get("Sec-Fetch-Site") == "same-origin" || r.Header.Get("Origin") != ""
}

// isJSON reports whether the body is JSON. Browsers let a page of another site send JSON only
// if the server permits it beforehand.
func isJSON(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/json"
}
