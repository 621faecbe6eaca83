-- The keys of Message.Unique. Times are Unix milliseconds of the database's clock.
CREATE TABLE warren_outbox_unique (
	key     text PRIMARY KEY,
	ends_at bigint NOT NULL -- of the window
);
CREATE INDEX warren_outbox_unique_ends ON warren_outbox_unique (ends_at);
