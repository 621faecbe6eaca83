package deadletter

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
)

// Export writes the letters of the queue that the filter chooses to w, one a line, as
// JSON, and returns how many. It removes none. A body is shown as it is if it is JSON
// in one line, and in base64 otherwise. Import makes the same letters again.
func (c *Client) Export(ctx context.Context, queue string, filter Filter, w io.Writer) (n int, err error) {
	out := bufio.NewWriter(w)
	err = c.Read(ctx, queue, filter, func(l Letter) error {
		data, err := marshal(&l)
		if err != nil {
			return fmt.Errorf("deadletter: export letter %s: %w", l.ID, err)
		}
		n++
		_, err = out.Write(append(data, '\n'))
		return err
	})
	return n, errors.Join(err, out.Flush())
}
