-- Times are Unix milliseconds of the database's clock.
CREATE TABLE warren_outbox (
	seq          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	message_id   text NOT NULL,
	aggregate    text, -- null: no order is kept
	exchange     text NOT NULL,
	routing_key  text NOT NULL,
	properties   text NOT NULL, -- JSON
	headers      text NOT NULL, -- JSON, as broker.MarshalHeaders writes it
	body         bytea NOT NULL,
	written_at   bigint NOT NULL,
	published_at bigint, -- null: not yet
	attempts     integer NOT NULL DEFAULT 0, -- that failed
	last_error   text NOT NULL DEFAULT '',
	next_at      bigint NOT NULL DEFAULT 0, -- not tried before
	lease        text, -- of the batch that has this row in hand
	leased_until bigint NOT NULL DEFAULT 0
);
CREATE INDEX warren_outbox_pending ON warren_outbox (seq) WHERE published_at IS NULL;
CREATE INDEX warren_outbox_aggregate ON warren_outbox (aggregate, seq) WHERE published_at IS NULL;
CREATE INDEX warren_outbox_lease ON warren_outbox (lease) WHERE lease IS NOT NULL;
CREATE INDEX warren_outbox_published ON warren_outbox (published_at) WHERE published_at IS NOT NULL;
