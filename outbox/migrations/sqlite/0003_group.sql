-- Groups of messages and their members. Times are Unix milliseconds of the database's clock.
CREATE TABLE warren_outbox_group (
	id          TEXT PRIMARY KEY,
	size        INTEGER NOT NULL,
	done        INTEGER NOT NULL DEFAULT 0,
	failed      INTEGER NOT NULL DEFAULT 0,
	opened_at   INTEGER NOT NULL,
	closed_at   INTEGER, -- null: open
	message_id  TEXT NOT NULL, -- this and the following are the columns of the callback in warren_outbox
	aggregate   TEXT,
	exchange    TEXT NOT NULL,
	routing_key TEXT NOT NULL,
	properties  TEXT NOT NULL,
	headers     TEXT NOT NULL,
	body        BLOB NOT NULL
);
CREATE INDEX warren_outbox_group_closed ON warren_outbox_group (closed_at) WHERE closed_at IS NOT NULL;
CREATE TABLE warren_outbox_member (
	group_id TEXT NOT NULL,
	member   TEXT NOT NULL,
	failed   INTEGER NOT NULL, -- 1: failed, 0: done
	PRIMARY KEY (group_id, member)
);
