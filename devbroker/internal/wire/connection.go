package wire

var connectionRows = [...]row{
	10: {"connection.start", create[ConnectionStart]},
	11: {"connection.start-ok", create[ConnectionStartOk]},
	20: {"connection.secure", create[ConnectionSecure]},
	21: {"connection.secure-ok", create[ConnectionSecureOk]},
	30: {"connection.tune", create[ConnectionTune]},
	31: {"connection.tune-ok", create[ConnectionTuneOk]},
	40: {"connection.open", create[ConnectionOpen]},
	41: {"connection.open-ok", create[ConnectionOpenOk]},
	50: {"connection.close", create[ConnectionClose]},
	51: {"connection.close-ok", create[ConnectionCloseOk]},
	60: {"connection.blocked", create[ConnectionBlocked]},
	61: {"connection.unblocked", create[ConnectionUnblocked]},
	70: {"connection.update-secret", create[ConnectionUpdateSecret]},
	71: {"connection.update-secret-ok", create[ConnectionUpdateSecretOk]},
}

// ConnectionStart is the first method of the server and describes the server.
type ConnectionStart struct {
	VersionMajor, VersionMinor uint8
	ServerProperties           Table
	Mechanisms, Locales        string
}

// ID returns 10 and 10.
func (*ConnectionStart) ID() (class, method uint16) { return ClassConnection, 10 }

func (m *ConnectionStart) arguments(c codec) codec {
	return c.octet(&m.VersionMajor).octet(&m.VersionMinor).table(&m.ServerProperties).
		longstr(&m.Mechanisms).longstr(&m.Locales)
}

// ConnectionStartOk answers [ConnectionStart] with the client's properties and credentials.
type ConnectionStartOk struct {
	ClientProperties            Table
	Mechanism, Response, Locale string
}

// ID returns 10 and 11.
func (*ConnectionStartOk) ID() (class, method uint16) { return ClassConnection, 11 }

func (m *ConnectionStartOk) arguments(c codec) codec {
	return c.table(&m.ClientProperties).text(&m.Mechanism).longstr(&m.Response).text(&m.Locale)
}

// ConnectionSecure asks for more credentials.
type ConnectionSecure struct {
	Challenge string
}

// ID returns 10 and 20.
func (*ConnectionSecure) ID() (class, method uint16) { return ClassConnection, 20 }

func (m *ConnectionSecure) arguments(c codec) codec { return c.longstr(&m.Challenge) }

// ConnectionSecureOk answers [ConnectionSecure].
type ConnectionSecureOk struct {
	Response string
}

// ID returns 10 and 21.
func (*ConnectionSecureOk) ID() (class, method uint16) { return ClassConnection, 21 }

func (m *ConnectionSecureOk) arguments(c codec) codec { return c.longstr(&m.Response) }

// ConnectionTune proposes limits: the number of channels, the frame size in bytes and the
// heartbeat interval in seconds. 0 means no limit, or no heartbeats.
type ConnectionTune struct {
	ChannelMax uint16
	FrameMax   uint32
	Heartbeat  uint16
}

// ID returns 10 and 30.
func (*ConnectionTune) ID() (class, method uint16) { return ClassConnection, 30 }

func (m *ConnectionTune) arguments(c codec) codec {
	return c.short(&m.ChannelMax).long(&m.FrameMax).short(&m.Heartbeat)
}

// ConnectionTuneOk sets the limits that [ConnectionTune] has proposed.
type ConnectionTuneOk struct {
	ChannelMax uint16
	FrameMax   uint32
	Heartbeat  uint16
}

// ID returns 10 and 31.
func (*ConnectionTuneOk) ID() (class, method uint16) { return ClassConnection, 31 }

func (m *ConnectionTuneOk) arguments(c codec) codec {
	return c.short(&m.ChannelMax).long(&m.FrameMax).short(&m.Heartbeat)
}

// ConnectionOpen chooses a virtual host.
type ConnectionOpen struct {
	VirtualHost string
}

// ID returns 10 and 40.
func (*ConnectionOpen) ID() (class, method uint16) { return ClassConnection, 40 }

func (m *ConnectionOpen) arguments(c codec) codec {
	return c.text(&m.VirtualHost).reservedText().reservedBit()
}

// ConnectionOpenOk answers [ConnectionOpen].
type ConnectionOpenOk struct{}

// ID returns 10 and 41.
func (*ConnectionOpenOk) ID() (class, method uint16) { return ClassConnection, 41 }

func (*ConnectionOpenOk) arguments(c codec) codec { return c.reservedText() }

// ConnectionClose closes the connection and gives the reason. ClassID and MethodID identify
// the method that caused the error, or are 0.
type ConnectionClose struct {
	ReplyCode         uint16
	ReplyText         string
	ClassID, MethodID uint16
}

// ID returns 10 and 50.
func (*ConnectionClose) ID() (class, method uint16) { return ClassConnection, 50 }

func (m *ConnectionClose) arguments(c codec) codec {
	return c.short(&m.ReplyCode).text(&m.ReplyText).short(&m.ClassID).short(&m.MethodID)
}

// ConnectionCloseOk answers [ConnectionClose].
type ConnectionCloseOk struct{}

// ID returns 10 and 51.
func (*ConnectionCloseOk) ID() (class, method uint16) { return ClassConnection, 51 }

func (*ConnectionCloseOk) arguments(c codec) codec { return c }

// ConnectionBlocked notifies a client that the server has stopped reading publishes.
type ConnectionBlocked struct {
	Reason string
}

// ID returns 10 and 60.
func (*ConnectionBlocked) ID() (class, method uint16) { return ClassConnection, 60 }

func (m *ConnectionBlocked) arguments(c codec) codec { return c.text(&m.Reason) }

// ConnectionUnblocked notifies a client that the server reads publishes again after
// [ConnectionBlocked].
type ConnectionUnblocked struct{}

// ID returns 10 and 61.
func (*ConnectionUnblocked) ID() (class, method uint16) { return ClassConnection, 61 }

func (*ConnectionUnblocked) arguments(c codec) codec { return c }

// ConnectionUpdateSecret replaces credentials that will expire.
type ConnectionUpdateSecret struct {
	NewSecret, Reason string
}

// ID returns 10 and 70.
func (*ConnectionUpdateSecret) ID() (class, method uint16) { return ClassConnection, 70 }

func (m *ConnectionUpdateSecret) arguments(c codec) codec {
	return c.longstr(&m.NewSecret).text(&m.Reason)
}

// ConnectionUpdateSecretOk answers [ConnectionUpdateSecret].
type ConnectionUpdateSecretOk struct{}

// ID returns 10 and 71.
func (*ConnectionUpdateSecretOk) ID() (class, method uint16) { return ClassConnection, 71 }

func (*ConnectionUpdateSecretOk) arguments(c codec) codec { return c }
