// Package dedupe holds the stores by which middleware.Dedupe handles each message once: the
// contract of a Store, Memory, a store within one process, and SQL, a store in SQLite or
// PostgreSQL that processes share. Package redisstore is a store in Redis. InTx commits the mark of a handled
// message together with the handler's own rows. Package dedupetest checks that a store of your own keeps the contract.
package dedupe
