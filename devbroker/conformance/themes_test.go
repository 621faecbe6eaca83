package conformance_test

// themes are the tables of this package, one file each.
func themes() []theme {
	return []theme{
		{"handshake", handshakeScenarios},
		{"frames", frameScenarios},
		{"exchange", exchangeScenarios},
		{"routing", routingScenarios},
		{"headers", headersScenarios},
		{"queue", queueScenarios},
		{"arguments", argumentScenarios},
		{"publish", publishScenarios},
		{"tx", txScenarios},
		{"without answers", noWaitScenarios},
		{"direct reply-to", replyScenarios},
		{"settle", settleScenarios},
		{"consume", consumeScenarios},
		{"qos", qosScenarios},
		{"requeue", requeueScenarios},
		{"counts", countScenarios},
		{"dead letters", deadLetterScenarios},
		{"ttl", ttlScenarios},
		{"overflow", overflowScenarios},
		{"priority", priorityScenarios},
	}
}
