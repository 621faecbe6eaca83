package wire

var confirmRows = [...]row{
	10: {"confirm.select", create[ConfirmSelect]},
	11: {"confirm.select-ok", create[ConfirmSelectOk]},
}

// ConfirmSelect has the publishes of the channel confirmed from now on.
type ConfirmSelect struct {
	NoWait bool
}

// ID returns 85 and 10.
func (*ConfirmSelect) ID() (class, method uint16) { return ClassConfirm, 10 }

func (m *ConfirmSelect) arguments(c codec) codec { return c.bits(&m.NoWait) }

// ConfirmSelectOk answers [ConfirmSelect].
type ConfirmSelectOk struct{}

// ID returns 85 and 11.
func (*ConfirmSelectOk) ID() (class, method uint16) { return ClassConfirm, 11 }

func (*ConfirmSelectOk) arguments(c codec) codec { return c }
