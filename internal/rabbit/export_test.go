package rabbit

// These are for nodes that are processes.

// TryRestart is Node.Restart, and returns its error.
func TryRestart(n Node) error {
	p, _ := n.(*process)
	_, err := p.command("restart")
	return err
}

// Renew makes the node like a new one, as for the next test.
func Renew(n Node) error {
	p, _ := n.(*process)
	return p.renew()
}
