package devbroker

import "github.com/warren-mq/warren/devbroker/internal/wire"

// transaction holds the publishes and acks of a channel in tx mode since the last commit
// or rollback.
type transaction struct {
	published []publication
	settled   []settled
}

type settled struct {
	deliveries []*delivery
	verdict    verdict
}

func (ch *channel) txSelect() error {
	if ch.confirms.on {
		return refuse(preconditionFailed, "cannot switch from confirm to tx mode")
	}
	if ch.tx == nil {
		ch.tx = &transaction{}
	}
	ch.send(&wire.TxSelectOk{})
	return nil
}

func (ch *channel) txCommit() error {
	if ch.tx == nil {
		return refuse(preconditionFailed, "channel is not transactional")
	}
	for _, p := range ch.tx.published {
		ch.distribute(p)
	}
	for _, s := range ch.tx.settled {
		ch.apply(s.deliveries, s.verdict)
	}
	*ch.tx = transaction{}
	ch.send(&wire.TxCommitOk{})
	return nil
}

// txRollback discards the published messages and makes settled deliveries unacked again.
func (ch *channel) txRollback() error {
	if ch.tx == nil {
		return refuse(preconditionFailed, "channel is not transactional")
	}
	for _, s := range ch.tx.settled {
		ch.unacked.putBack(s.deliveries)
	}
	*ch.tx = transaction{}
	ch.send(&wire.TxRollbackOk{})
	return nil
}
