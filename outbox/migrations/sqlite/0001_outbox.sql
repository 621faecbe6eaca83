-- Times are Unix milliseconds of the database's clock.
CREATE TABLE warren_outbox (
	seq          INTEGER PRIMARY KEY AUTOINCREMENT,
	message_id   TEXT NOT NULL,
	aggregate    TEXT, -- null: no order is kept
	exchange     TEXT NOT NULL,
	routing_key  TEXT NOT NULL,
	properties   TEXT NOT NULL, -- JSON
	headers      TEXT NOT NULL, -- JSON, as broker.MarshalHeaders writes it
	body         BLOB NOT NULL,
	written_at   INTEGER NOT NULL,
	published_at INTEGER, -- null: not yet
	attempts     INTEGER NOT NULL DEFAULT 0, -- that failed
	last_error   TEXT NOT NULL DEFAULT '',
	next_at      INTEGER NOT NULL DEFAULT 0, -- not tried before
	lease        TEXT, -- of the batch that has this row in hand
	leased_until INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX warren_outbox_pending ON warren_outbox (seq) WHERE published_at IS NULL;
CREATE INDEX warren_outbox_aggregate ON warren_outbox (aggregate, seq) WHERE published_at IS NULL;
CREATE INDEX warren_outbox_lease ON warren_outbox (lease) WHERE lease IS NOT NULL;
CREATE INDEX warren_outbox_published ON warren_outbox (published_at) WHERE published_at IS NOT NULL;
