package outbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// maxHeld bounds the held rows when a batch is claimed, since their bodies are in memory.
const maxHeld = 1000

// held is the set of rows that a relay has claimed and neither marked nor released yet. The
// relay claims none of them again.
type held struct {
	mu   chan struct{}    // full while locked. A mark or a renewal locks it during its transaction
	rows map[int64]string // seq to lease; "" once the lease is lost
}

func newHeld() held { return held{mu: make(chan struct{}, 1), rows: make(map[int64]string)} }

// lock waits no longer than ctx, because the database may not answer the transaction of the owner.
func (h *held) lock(ctx context.Context) error {
	select {
	case h.mu <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (h *held) unlock() { <-h.mu }

func (h *held) add(b *batch) {
	h.mu <- struct{}{}
	defer h.unlock()
	for i := range b.rows {
		h.rows[b.rows[i].seq] = b.lease
	}
}

// keep removes the rows that are not in open from b and from h, so that they may be claimed
// again in another batch. Its caller has locked mu.
func (h *held) keep(b *batch, open map[int64]row) {
	b.rows = slices.DeleteFunc(b.rows, func(one row) bool {
		_, ok := open[one.seq]
		if !ok {
			delete(h.rows, one.seq)
		}
		return !ok
	})
}

// list returns the held rows as arguments of a query.
func (h *held) list() (all []any) {
	h.mu <- struct{}{}
	defer h.unlock()
	for seq := range h.rows {
		all = append(all, seq)
	}
	return all
}

// renewing renews the leases of all held rows six times a lease, until ctx is done. It does
// so this often because on SQLite it may have to wait long for the lock.
func (r *Relay) renewing(ctx context.Context) {
	for {
		select {
		case <-time.After(r.config.Lease / 6):
		case <-ctx.Done():
			return
		}
		lost, err := r.renew(ctx)
		if err != nil {
			r.note(fmt.Errorf("outbox: renew leases: %w", err))
		}
		if len(lost) > 0 {
			r.note(fmt.Errorf("outbox: the leases of unconfirmed messages were lost; another relay may publish the messages again: seq %v", lost))
		}
	}
}

const renewLeases = `UPDATE warren_outbox SET leased_until = NOW + ?
	WHERE published_at IS NULL AND seq IN %s AND lease IN %s RETURNING seq`

// renew renews the leases of the held rows, and returns the rows whose lease was lost since
// the last call. Marks wait meanwhile, so that a row that has just been marked does not
// count as lost.
func (r *Relay) renew(ctx context.Context) (lost []int64, err error) {
	if err := r.held.lock(ctx); err != nil {
		return nil, err
	}
	defer r.held.unlock()
	rows, leases := []any{}, make(map[any]bool)
	for seq, lease := range r.held.rows {
		if lease != "" {
			rows = append(rows, seq)
			leases[lease] = true
		}
	}
	if len(rows) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.config.Lease)
	defer cancel()
	query := r.sql(fmt.Sprintf(renewLeases, seqs(len(rows)), list("''", len(leases))))
	args := slices.Concat([]any{r.config.Lease.Milliseconds()}, rows, slices.Collect(maps.Keys(leases)))
	renewed, err := r.numbers(ctx, query, args)
	if err != nil {
		return nil, err
	}
	for seq, lease := range r.held.rows {
		if lease != "" && !renewed[seq] {
			r.held.rows[seq] = ""
			lost = append(lost, seq)
		}
	}
	return lost, nil
}

// numbers runs a query that returns values of seq.
func (r *Relay) numbers(ctx context.Context, query string, args []any) (all map[int64]bool, err error) {
	rows, err := r.config.DB.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	all = make(map[int64]bool)
	for rows.Next() {
		var seq int64
		if err := rows.Scan(&seq); err != nil {
			return nil, err
		}
		all[seq] = true
	}
	return all, rows.Err()
}
