package wire

import "errors"

// ParseBareTable reads a table that comes without its length, as the response of
// the SASL mechanism AMQPLAIN does.
func ParseBareTable(b []byte) (Table, error) {
	t, ok := parseTable(b, 0)
	if !ok {
		return nil, errors.New("wire: malformed table")
	}
	return t, nil
}
