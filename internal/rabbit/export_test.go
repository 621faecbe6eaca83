package rabbit

// TryRestart is Node.Restart of a node that is a process, and returns its error.
func TryRestart(n Node) error {
	_, err := n.(*process).command("restart")
	return err
}

// Renew makes a node that is a process like a new one, as for the next test.
func Renew(n Node) error { return n.(*process).renew() }
