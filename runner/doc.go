// Package runner is the program that runs workers from a YAML file, as a library. Use it if
// you also have handlers in Go: register them by name in a program of your own,
//
//	func main() {
//		runner.Main(runner.Go("send-welcome", handler.Typed(sendWelcome)))
//	}
//
// and use the names in config.yaml:
//
//	queues:
//	  - name: welcome-email
//	    exchange: events
//	    handlers:
//	      - {key: user.signed_up, go: send-welcome}
//
// GoBatch registers a handler that handles several messages in one call.
//
// The program has all commands of cmd/runner, which calls Main without handlers.
package runner
