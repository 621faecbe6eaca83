package wire

// NewMethod returns a new method by its numbers, nil if there is none.
func NewMethod(class, method uint16) Method {
	if r := find(class, method); r.blank != nil {
		return r.blank()
	}
	return nil
}
