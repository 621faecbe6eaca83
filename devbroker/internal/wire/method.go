package wire

import "fmt"

// Classes of methods.
const (
	ClassConnection = 10
	ClassChannel    = 20
	ClassAccess     = 30
	ClassExchange   = 40
	ClassQueue      = 50
	ClassBasic      = 60
	ClassConfirm    = 85
	ClassTx         = 90
)

// Method is implemented by pointers to the structs of this package that are named after a
// class and a method, such as [BasicPublish].
type Method interface {
	// ID returns the numbers of the method and its class.
	ID() (class, method uint16)

	arguments(c codec) codec
}

// UnknownMethodError reports an unknown method. RabbitMQ closes the connection.
type UnknownMethodError struct {
	Class, Method uint16
}

// Error returns a text with the numbers of the class and the method.
func (e *UnknownMethodError) Error() string {
	return fmt.Sprintf("wire: unknown method %d of class %d", e.Method, e.Class)
}

// ParseMethod decodes the whole payload of a method frame. The result does not alias the
// payload. The error is an [UnknownMethodError], a [FrameError] or [ErrBadTable].
func ParseMethod(payload []byte) (Method, error) {
	var class, method uint16
	c := codec{b: payload}.short(&class).short(&method)
	if c.state != decoding {
		return nil, &FrameError{Reason: undecodable(payload)}
	}
	r := find(class, method)
	if r.blank == nil {
		return nil, &UnknownMethodError{class, method}
	}
	m := r.blank()
	switch rest := m.arguments(c); {
	case rest.state == badTable:
		return nil, ErrBadTable
	case rest.state == notUTF8:
		return nil, &FrameError{Reason: "Malformed UTF-8 in shortstr"}
	case rest.state != decoding || len(rest.b) > 0:
		return nil, &FrameError{Reason: undecodable(c.b), Class: class, Method: method}
	}
	return m, nil
}

// MethodName returns the name of a method, such as "basic.publish", or "" if the method is
// unknown.
func MethodName(class, method uint16) string { return find(class, method).name }

// KnownClass reports whether the class has methods.
func KnownClass(class uint16) bool { return classRows(class) != nil }

// row is an entry for a method in the list of its class.
type row struct {
	name  string
	blank func() Method
}

// create returns a new method of type T.
func create[T any, M interface {
	*T
	Method
}]() Method {
	return M(new(T))
}

// find returns the row of a method, or an empty row if the method is unknown.
func find(class, method uint16) row {
	rows := classRows(class)
	if int(method) < len(rows) {
		return rows[method]
	}
	return row{}
}

func classRows(class uint16) []row {
	switch class {
	case ClassConnection:
		return connectionRows[:]
	case ClassChannel:
		return channelRows[:]
	case ClassAccess:
		return accessRows[:]
	case ClassExchange:
		return exchangeRows[:]
	case ClassQueue:
		return queueRows[:]
	case ClassBasic:
		return basicRows[:]
	case ClassConfirm:
		return confirmRows[:]
	case ClassTx:
		return txRows[:]
	}
	return nil
}
