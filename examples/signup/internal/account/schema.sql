CREATE TABLE IF NOT EXISTS accounts (
	id            TEXT PRIMARY KEY,
	email         TEXT NOT NULL, -- as it was entered
	email_key     TEXT NOT NULL UNIQUE, -- in lower case
	name          TEXT NOT NULL,
	password_hash TEXT NOT NULL,
	created_at    BIGINT NOT NULL, -- Unix milliseconds
	verified_at   BIGINT -- null until the link was followed
);
