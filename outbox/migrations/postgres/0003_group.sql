-- Groups of messages and their members. Times are Unix milliseconds of the database's clock.
CREATE TABLE warren_outbox_group (
	id          text PRIMARY KEY,
	size        bigint NOT NULL,
	done        bigint NOT NULL DEFAULT 0,
	failed      bigint NOT NULL DEFAULT 0,
	opened_at   bigint NOT NULL,
	closed_at   bigint, -- null: open
	message_id  text NOT NULL, -- this and the following are the columns of the callback in warren_outbox
	aggregate   text,
	exchange    text NOT NULL,
	routing_key text NOT NULL,
	properties  text NOT NULL,
	headers     text NOT NULL,
	body        bytea NOT NULL
);
CREATE INDEX warren_outbox_group_closed ON warren_outbox_group (closed_at) WHERE closed_at IS NOT NULL;
CREATE TABLE warren_outbox_member (
	group_id text NOT NULL,
	member   text NOT NULL,
	failed   integer NOT NULL, -- 1: failed, 0: done
	PRIMARY KEY (group_id, member)
);
