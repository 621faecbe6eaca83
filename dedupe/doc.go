// Package dedupe holds the stores by which middleware.Dedupe handles each message once: the
// contract of a Store, and Memory, a store within one process. Package dedupetest checks
// that a store of your own keeps the contract.
package dedupe
