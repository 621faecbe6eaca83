package deadletter

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
)

// Export writes the dead letters that match the filter to w as JSON Lines, and returns
// their number. It removes none of them. A body that is JSON in one line is written
// unchanged; every other body is written in base64. Import restores the dead letters.
func (c *Client) Export(ctx context.Context, queue string, filter Filter, w io.Writer) (n int, err error) {
	out := bufio.NewWriter(w)
	err = c.Read(ctx, queue, filter, func(l DeadLetter) error {
		data, err := marshal(&l)
		if err != nil {
			return fmt.Errorf("deadletter: export message %s: %w", l.ID, err)
		}
		n++
		_, err = out.Write(append(data, '\n'))
		return err
	})
	return n, errors.Join(err, out.Flush())
}
