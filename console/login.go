package console

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/warren-mq/warren/internal/access"
	"github.com/warren-mq/warren/internal/printable"
)

const (
	cookieName = "warren_console"
	loginTime  = 12 * time.Hour
	maxUser    = 60 // characters of a name
)

// key signs the cookies of all consoles of this process.
var key = sync.OnceValue(func() []byte {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // it never returns an error
	return random
})

// signature returns the signature of a login. It ends with the process and with the token.
func signature(token, user string, until int64) []byte {
	mac := hmac.New(sha256.New, key())
	_ = binary.Write(mac, binary.BigEndian, until) // a hash never fails
	_ = binary.Write(mac, binary.BigEndian, int64(len(user)))
	mac.Write([]byte(user))
	mac.Write([]byte(token))
	return mac.Sum(nil)
}

// cookie returns a cookie for a user who has shown the token.
func (c *Console) cookie(r *http.Request, token, user string, now time.Time) *http.Cookie {
	until := now.Add(loginTime).Unix()
	value := binary.BigEndian.AppendUint64(nil, uint64(until))
	value = append(append(value, signature(token, user, until)...), user...)
	return c.cookieOf(r, base64.RawURLEncoding.EncodeToString(value), int(loginTime.Seconds()))
}

func (c *Console) cookieOf(r *http.Request, value string, age int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // over plain HTTP a secure cookie would not come back
		Name: cookieName, Value: value, Path: c.config.cookiePath(), MaxAge: age,
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	}
}

// cookiePath returns the path below which all consoles of Brokers are.
func (c Config) cookiePath() string {
	path := c.Path
	for _, link := range c.Brokers {
		for !strings.HasPrefix(link.Path, path) {
			path = path[:strings.LastIndexByte(path[:len(path)-1], '/')+1]
		}
	}
	return path
}

// session returns the user of a valid cookie.
func (c *Console) session(r *http.Request, token string) (user string, ok bool) {
	cookie, err := r.Cookie(cookieName)
	if err != nil || token == "" {
		return "", false
	}
	value, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil || len(value) < 8+sha256.Size {
		return "", false
	}
	until, sealed, user := int64(binary.BigEndian.Uint64(value)), value[8:8+sha256.Size], string(value[8+sha256.Size:])
	if time.Now().Unix() >= until || !hmac.Equal(sealed, signature(token, user, until)) {
		return "", false
	}
	return user, true
}

// loginPage is the data of the login page.
type loginPage struct {
	To    string `json:"to"` // where to go then, relative to the console's path
	User  string `json:"user"`
	Fault string `json:"fault,omitempty"`
}

func (c *Console) showLogin(w http.ResponseWriter, r *http.Request) {
	c.render(w, r, http.StatusOK, "login.html", loginPage{To: r.URL.Query().Get("to")})
}

// login answers the login form. The name is what the person says: the token alone admits.
func (c *Console) login(w http.ResponseWriter, r *http.Request) {
	p := loginPage{To: r.PostFormValue("to"), User: shorten(strings.TrimSpace(printable.Cell(r.PostFormValue("user"))), maxUser)}
	token, err := c.config.Token()
	switch {
	case c.config.Authorize != nil:
		c.refuse(w, r, http.StatusNotFound, errNotLogged)
		return
	case !isSameOrigin(r):
		c.refuse(w, r, http.StatusForbidden, errNoOrigin)
		return
	case err != nil:
		c.log.Error("console: reading the token failed", "error", err)
		c.refuse(w, r, http.StatusInternalServerError, errToken)
		return
	case !access.IsToken(r.PostFormValue("token"), token):
		c.log.Warn("console: login refused", "address", r.RemoteAddr)
		p.Fault = "This is not the token."
		c.render(w, r, http.StatusUnauthorized, "login.html", p)
		return
	}
	if p.User == "" {
		p.User = "console"
	}
	http.SetCookie(w, c.cookie(r, token, p.User, time.Now()))
	c.log.Info("console: logged in", "user", p.User, "address", r.RemoteAddr)
	http.Redirect(w, r, c.within(p.To), http.StatusSeeOther)
}

func (c *Console) logout(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, c.cookieOf(r, "", -1))
	http.Redirect(w, r, c.config.Path+"login", http.StatusSeeOther)
}

// within returns the address of a page of the console. An address of another site becomes a
// page that does not exist.
func (c *Console) within(rest string) string {
	if strings.ContainsAny(rest, "\\\r\n") {
		rest = ""
	}
	return c.config.Path + strings.TrimLeft(rest, "/")
}
