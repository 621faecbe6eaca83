package live

// The paths that the pages use: those of this package's handler, and those that the
// service answers on the same address. Forms are sent as
// application/x-www-form-urlencoded.
const (
	SignUpPath     = "/"              // GET: SignUpForm
	PostSignUp     = "/signup"        // POST email, name, password; answers SignedUp, or SignUpForm again
	PostSignUpSync = "/signup-sync"   // POST the same, the old way
	ResetPath      = "/reset"         // GET: ResetForm; POST email: a mail goes out, answers Notice
	NewPassword    = "/reset/confirm" // GET token: PasswordForm; POST token, password: answers Notice
	LivePath       = "/live"
	InboxPath      = "/inbox"
	JourneyPath    = "/journey/" // and the id of the account
	AssetsPath     = "/assets/"
)

// MinPassword is how long a password is at least, in characters, as the forms say.
const MinPassword = 10

// Page is one of the pages that the service answers with: SignUpForm, SignedUp,
// ResetForm, PasswordForm or Notice.
type Page interface {
	template() string
}

// SignUpForm is the sign-up page. The faults say in a sentence what is wrong with
// what was sent, and are empty if nothing is.
type SignUpForm struct {
	Email, Name   string // as they were sent; empty at first
	EmailFault    string
	NameFault     string
	PasswordFault string
	Fault         string // of the whole ("The sign-up could not be saved. Try again.")
}

// SignedUp is the answer to a sign-up.
type SignedUp struct {
	Signup

	Name string
}

// ResetForm asks for the address of an account whose password is forgotten.
type ResetForm struct {
	Email string // as it was sent; empty at first
	Fault string // what is wrong with it; empty if nothing is
}

// PasswordForm asks for a new password.
type PasswordForm struct {
	Token string // of the link in the mail
	Fault string // what is wrong with the password; empty if nothing is
}

// Notice is a page that says one thing: a link that was followed, a mail that is on
// its way, an address that does not exist.
type Notice struct {
	Title string
	Text  string
	Bad   bool // it tells of a failure
}

func (SignUpForm) template() string   { return "signup.html" }
func (SignedUp) template() string     { return "signedup.html" }
func (ResetForm) template() string    { return "reset.html" }
func (PasswordForm) template() string { return "password.html" }
func (Notice) template() string       { return "notice.html" }
