package command

import (
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows how far a command is, on stderr and to people alone. Its methods are
// safe for concurrent use.
type progress struct{ bar *progressbar.ProgressBar }

// progress begins to show; total is how many there are, or -1 if nobody knows.
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
		_ = p.bar.Add(n) // who looks at it sees what is wrong
	}
}

// clear makes room for a line; the bar is shown again below it.
func (p progress) clear() {
	if p.bar != nil {
		_ = p.bar.Clear() // as add
	}
}

// end takes the bar away, to make room for the result.
func (p progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish() // as add
		_ = p.bar.Clear()
	}
}
