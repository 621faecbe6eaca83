// Package runner is the program that runs workers from a YAML file, for teams that have
// handlers in Go as well: they name them in a program of their own, and in the file.
//
//	func main() {
//		runner.Main(runner.Go("send-welcome", handler.Typed(sendWelcome)))
//	}
//
// and in config.yaml
//
//	queues:
//	  - name: welcome-email
//	    exchange: events
//	    handlers:
//	      - {key: user.signed_up, go: send-welcome}
//
// The program has all commands of cmd/runner, which is Main without handlers.
package runner
