// Package ladder moves the messages of the delay ladder of an earlier version to parking
// queues, and removes the ladder. The ladder was 23 levels that all queues of a virtual host
// shared. Level k is a queue whose messages expire after 100 ms × 2^k, and a topic exchange.
// A message visited the levels whose bit is set in its delay, the highest first.
package ladder
