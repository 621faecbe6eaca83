package command

import (
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows a progress bar on stderr, if that is a terminal. Its methods are safe for
// concurrent use.
type progress struct{ bar *progressbar.ProgressBar }

// progress starts a progress bar. Total is the number of messages, or -1 if it is unknown.
func (p *Program) progress(total int, what string) progress {
	if p.settings.quiet || !isTerminal(p.Stderr) {
		return progress{}
	}
	return newProgress(p.Stderr, total, what)
}

func newProgress(out io.Writer, total int, what string) progress {
	return progress{progressbar.NewOptions(total,
		progressbar.OptionSetWriter(out), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("msg"),
		progressbar.OptionSetWidth(30), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(total > 0),
	)}
}

// add counts n more.
func (p progress) add(n int) {
	if p.bar != nil {
		_ = p.bar.Add(n) // if stderr cannot be written, there is no place to report it
	}
}

// clear makes room for a line; the bar is shown again below it.
func (p progress) clear() {
	if p.bar != nil {
		_ = p.bar.Clear() // as add
	}
}

// end removes the bar, to make room for the result.
func (p progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish() // as add
		_ = p.bar.Clear()
	}
}
