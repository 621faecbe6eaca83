package devbroker

import (
	"errors"
	"fmt"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// replyError closes a channel, or the whole connection if hard, with an AMQP reply code
// and the text that RabbitMQ sends with it.
type replyError struct {
	code  uint16
	text  string
	hard  bool
	early bool // is sent even before the connection is open

	class, method uint16 // the method that failed; 0 if the cause was another frame
}

func (e *replyError) Error() string { return fmt.Sprintf("devbroker: %d %s", e.code, e.reply()) }

// reply returns the text for the client, shortened as RabbitMQ shortens it.
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

// refuse returns the error for a reply code. Codes from 403 to 406 close the channel; all
// others close the connection.
func refuse(code uint16, format string, args ...any) error {
	soft := code >= accessRefused && code <= preconditionFailed
	return &replyError{code: code, text: fmt.Sprintf(format, args...), hard: !soft}
}

// asReply returns err as a *replyError, or nil.
func asReply(err error) *replyError {
	reply, _ := errors.AsType[*replyError](err)
	return reply
}

// attribute adds to an error the method that caused it.
func attribute(err error, m wire.Method) error {
	if reply := asReply(err); reply != nil && reply.class == 0 {
		reply.class, reply.method = m.ID()
	}
	return err
}
