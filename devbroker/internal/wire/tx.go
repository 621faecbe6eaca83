package wire

var txRows = [...]row{
	10: {"tx.select", create[TxSelect]},
	11: {"tx.select-ok", create[TxSelectOk]},
	20: {"tx.commit", create[TxCommit]},
	21: {"tx.commit-ok", create[TxCommitOk]},
	30: {"tx.rollback", create[TxRollback]},
	31: {"tx.rollback-ok", create[TxRollbackOk]},
}

// TxSelect puts the channel into transaction mode.
type TxSelect struct{}

// ID returns 90 and 10.
func (*TxSelect) ID() (class, method uint16) { return ClassTx, 10 }

func (*TxSelect) arguments(c codec) codec { return c }

// TxSelectOk answers [TxSelect].
type TxSelectOk struct{}

// ID returns 90 and 11.
func (*TxSelectOk) ID() (class, method uint16) { return ClassTx, 11 }

func (*TxSelectOk) arguments(c codec) codec { return c }

// TxCommit applies the publishes and acks since the last commit or rollback.
type TxCommit struct{}

// ID returns 90 and 20.
func (*TxCommit) ID() (class, method uint16) { return ClassTx, 20 }

func (*TxCommit) arguments(c codec) codec { return c }

// TxCommitOk answers [TxCommit].
type TxCommitOk struct{}

// ID returns 90 and 21.
func (*TxCommitOk) ID() (class, method uint16) { return ClassTx, 21 }

func (*TxCommitOk) arguments(c codec) codec { return c }

// TxRollback discards the publishes and acks since the last commit or rollback.
type TxRollback struct{}

// ID returns 90 and 30.
func (*TxRollback) ID() (class, method uint16) { return ClassTx, 30 }

func (*TxRollback) arguments(c codec) codec { return c }

// TxRollbackOk answers [TxRollback].
type TxRollbackOk struct{}

// ID returns 90 and 31.
func (*TxRollbackOk) ID() (class, method uint16) { return ClassTx, 31 }

func (*TxRollbackOk) arguments(c codec) codec { return c }

var confirmRows = [...]row{
	10: {"confirm.select", create[ConfirmSelect]},
	11: {"confirm.select-ok", create[ConfirmSelectOk]},
}

// ConfirmSelect puts the channel into confirm mode.
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
