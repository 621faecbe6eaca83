package live

// The paths of the pages. This package's handler serves some of them, and the service serves
// the others on the same address. Forms are sent as application/x-www-form-urlencoded.
const (
	SignUpPath     = "/"              // GET: SignUpForm
	PostSignUp     = "/signup"        // POST email, name, password; answers with SignedUp, or SignUpForm again
	PostSignUpSync = "/signup-sync"   // POST with the same fields, the old way
	ResetPath      = "/reset"         // GET: ResetForm; POST email: sends a mail, answers with Notice
	NewPassword    = "/reset/confirm" // GET token: PasswordForm; POST token, password: answers with Notice
	LivePath       = "/live"
	InboxPath      = "/inbox"
	JourneyPath    = "/journey/" // followed by the id of the account
	AssetsPath     = "/assets/"
)

// MinPassword is the minimum length of a password in characters, as the forms show it.
const MinPassword = 10

// Page is one of the pages that the service answers with: SignUpForm, SignedUp,
// ResetForm, PasswordForm or Notice.
type Page interface {
	template() string
}

// SignUpForm is the sign-up page. Each fault is a sentence about what is wrong with a field,
// or empty.
type SignUpForm struct {
	Email, Name   string // as entered; empty at first
	EmailFault    string
	NameFault     string
	PasswordFault string
	Fault         string // of the whole form ("The sign-up could not be saved. Try again.")
}

// SignedUp is the answer to a sign-up.
type SignedUp struct {
	Signup

	Name string
}

// ResetForm is the page that asks for the address of an account whose password is forgotten.
type ResetForm struct {
	Email string // as entered; empty at first
	Fault string // what is wrong with the address; empty if it is valid
}

// PasswordForm is the page that asks for a new password.
type PasswordForm struct {
	Token string // of the link in the mail
	Fault string // what is wrong with the password; empty if it is valid
}

// Notice is a page with one message, such as the result of a followed link, or that a page was
// not found.
type Notice struct {
	Title string
	Text  string
	Bad   bool // the message is about a failure
}

func (SignUpForm) template() string   { return "signup.html" }
func (SignedUp) template() string     { return "signedup.html" }
func (ResetForm) template() string    { return "reset.html" }
func (PasswordForm) template() string { return "password.html" }
func (Notice) template() string       { return "notice.html" }
