package command

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/runner/internal/config"
)

// maxData is the longest body that publish reads, in bytes. It is the limit of RabbitMQ.
const maxData = 128 << 20

// readData returns a body: from a file, from the standard input, or the text itself.
func readData(data string, stdin io.Reader) ([]byte, error) {
	switch name, isFile := strings.CutPrefix(data, "@"); {
	case isFile:
		body, err := config.ReadFile(name, maxData)
		if err != nil {
			return nil, usage(fmt.Errorf("runner: --data: %w", err))
		}
		return body, nil
	case data == "-":
		body, err := io.ReadAll(io.LimitReader(stdin, maxData+1))
		if err != nil {
			return nil, fmt.Errorf("runner: --data: %w", err)
		}
		if len(body) > maxData {
			return nil, usage(fmt.Errorf("runner: --data: the standard input is too large, want at most %d bytes", maxData))
		}
		return body, nil
	}
	return []byte(data), nil
}

// contentType returns the type of --content-type, or the detected type of the body.
func contentType(asked string, body []byte) string {
	switch {
	case asked != "":
		return asked
	case json.Valid(body):
		return "application/json"
	case utf8.Valid(body):
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

// checkHeader returns an error for headers that Warren and RabbitMQ write.
func checkHeader(name string) error {
	if err := record.CheckHeader(name); err != nil {
		return fmt.Errorf("runner: %w", err)
	}
	return nil
}

func cutHeader(assignment string) (name, value string, err error) {
	name, value, ok := strings.Cut(assignment, "=")
	if !ok || name == "" || len(name) > 255 {
		return "", "", fmt.Errorf("runner: --header is %q, want NAME=VALUE, with a name of at most 255 bytes", assignment)
	}
	return name, value, checkHeader(name)
}
