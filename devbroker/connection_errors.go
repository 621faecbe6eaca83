package devbroker

import (
	"errors"
	"fmt"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// replyError ends a channel, or the whole connection if hard, with a reply code of
// AMQP and the text that RabbitMQ sends with it.
type replyError struct {
	code  uint16
	text  string
	hard  bool
	early bool // is said even before the connection is open

	class, method uint16 // what was asked for; 0 if it was no method
}

func (e *replyError) Error() string { return fmt.Sprintf("devbroker: %d %s", e.code, e.reply()) }

// reply is the text as it goes to the client, shortened as RabbitMQ does it.
func (e *replyError) reply() string {
	const most = 255
	text := replyNames[e.code] + " - " + e.text
	if len(text) > most {
		text = text[:most-3] + "..."
	}
	return text
}

// Reply codes of AMQP 0-9-1, section 1.2 of its reference.
const (
	noRoute            = 312
	connectionForced   = 320
	accessRefused      = 403
	notFound           = 404
	resourceLocked     = 405
	preconditionFailed = 406
	frameError         = 501
	syntaxError        = 502
	commandInvalid     = 503
	channelError       = 504
	unexpectedFrame    = 505
	notAllowed         = 530
	notImplemented     = 540
	internalError      = 541
)

var replyNames = map[uint16]string{
	noRoute:            "NO_ROUTE",
	connectionForced:   "CONNECTION_FORCED",
	accessRefused:      "ACCESS_REFUSED",
	notFound:           "NOT_FOUND",
	resourceLocked:     "RESOURCE_LOCKED",
	preconditionFailed: "PRECONDITION_FAILED",
	frameError:         "FRAME_ERROR",
	syntaxError:        "SYNTAX_ERROR",
	commandInvalid:     "COMMAND_INVALID",
	channelError:       "CHANNEL_ERROR",
	unexpectedFrame:    "UNEXPECTED_FRAME",
	notAllowed:         "NOT_ALLOWED",
	notImplemented:     "NOT_IMPLEMENTED",
	internalError:      "INTERNAL_ERROR",
}

// refuse returns the error of a reply code; those from 403 to 406 end a channel, the
// others the connection.
func refuse(code uint16, format string, args ...any) error {
	soft := code >= accessRefused && code <= preconditionFailed
	return &replyError{code: code, text: fmt.Sprintf(format, args...), hard: !soft}
}

// asReply returns the reply that err is, or nil.
func asReply(err error) *replyError {
	reply, _ := errors.AsType[*replyError](err)
	return reply
}

// attribute says which method an error answers.
func attribute(err error, m wire.Method) error {
	if reply := asReply(err); reply != nil && reply.class == 0 {
		reply.class, reply.method = m.ID()
	}
	return err
}
