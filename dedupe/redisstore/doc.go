// Package redisstore provides a store of handled messages in Redis, for middleware.Dedupe.
//
//	client := redis.NewClient(&redis.Options{Addr: "redis:6379", ContextTimeoutEnabled: true})
//	q.Middleware = []handler.Middleware{middleware.Dedupe(redisstore.New(client, redisstore.Config{}))}
//
// A message whose key Redis has lost is handled again when its duplicate arrives. Redis loses
// keys that it has acknowledged
//
//   - if it crashes: with snapshots alone (the default) all keys since the last snapshot, with
//     appendfsync everysec about one second of keys, and none with appendonly yes and
//     appendfsync always;
//   - if a replica takes over, by Sentinel or in a cluster: the keys that the replica did not have
//     yet, because Redis replicates without waiting;
//   - if it evicts keys: set maxmemory-policy to noeviction. A full Redis then refuses claims, and
//     the messages are retried.
//
// So the store makes duplicates rare. It cannot make the effects of a handler exactly once. Where
// the effects are rows of a database, dedupe.InTx does.
package redisstore
