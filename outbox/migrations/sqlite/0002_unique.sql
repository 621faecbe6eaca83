-- The keys of Message.Unique. Times are Unix milliseconds of the database's clock.
CREATE TABLE warren_outbox_unique (
	key     TEXT PRIMARY KEY,
	ends_at INTEGER NOT NULL -- of the window
);
CREATE INDEX warren_outbox_unique_ends ON warren_outbox_unique (ends_at);
