package rabbit

// TryRestart is Node.Restart of a node that is a process, and returns its error.
func TryRestart(n Node) error {
	_, err := n.(*process).command("restart")
	return err
}
