// Package members divides the partitions of a queue among the processes that consume it. Each
// process announces to the exchange topology.PartitionExchange which partitions it claims, and
// derives its own share from what the others claim.
//
// Only the balance depends on it. The order of messages depends on the broker alone, which delivers
// a partition to one consumer at a time.
package members
