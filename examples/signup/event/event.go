// Package event names what the sign-up service tells the rest of the world: the
// routing keys of its events, and what each event carries.
package event

// Routing keys, on the topic exchange of the service.
const (
	SignedUp              = "user.signed_up"
	VerificationRequested = "email.verification_requested"
)

// User is the body of every event: whom it is about.
type User struct {
	ID    string `json:"id"`
	Email string `json:"email"`
	Name  string `json:"name"`
}
