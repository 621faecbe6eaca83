package command

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/warren-mq/warren/internal/printable"
	"github.com/warren-mq/warren/internal/printable/asyaml"
)

// result is the result of a command: rows of a table for people, and values for programs.
type result struct {
	header []string
	rows   [][]string
	values []any // one for each row, or a single value
	single bool  // JSON is values[0], not a list
	note   string
	empty  string // the note if there are no rows
}

// show writes a result in the format of --output.
func (p *Program) show(r result) error {
	switch p.settings.format {
	case "json":
		return writeJSON(p.Stdout, r.value())
	case "jsonl":
		e := json.NewEncoder(printable.JSONWriter(p.Stdout))
		e.SetEscapeHTML(false)
		for _, v := range r.values {
			if err := e.Encode(v); err != nil {
				return fmt.Errorf("runner: %w", err)
			}
		}
		return nil
	case "yaml":
		return writeYAML(p.Stdout, r.value())
	}
	return r.table(p.Stdout)
}

// value returns the value for JSON and YAML.
func (r result) value() any {
	switch {
	case r.single && len(r.values) == 1:
		return r.values[0]
	case r.values == nil:
		return []any{}
	}
	return r.values
}

func (r result) table(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	lines := r.rows
	if len(r.header) > 0 {
		lines = append([][]string{r.header}, lines...)
	}
	for _, line := range lines {
		cells := make([]string, len(line))
		for i, cell := range line {
			cells[i] = printable.Cell(cell)
		}
		if _, err := fmt.Fprintln(w, strings.Join(cells, "\t")); err != nil {
			return fmt.Errorf("runner: %w", err)
		}
	}
	err := w.Flush()
	note := r.note
	if len(r.rows) == 0 {
		note = cmp.Or(r.empty, note)
	}
	if err == nil && note != "" {
		_, err = fmt.Fprintln(out, printable.Text(note))
	}
	if err != nil {
		return fmt.Errorf("runner: %w", err)
	}
	return nil
}

func writeJSON(out io.Writer, v any) error {
	e := json.NewEncoder(printable.JSONWriter(out))
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("runner: %w", err)
	}
	return nil
}

// writeYAML writes v as YAML, with its names in JSON.
func writeYAML(out io.Writer, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("runner: %w", err)
	}
	text, err := asyaml.Encode(data)
	if err == nil {
		_, err = out.Write(text)
	}
	if err != nil {
		return fmt.Errorf("runner: %w", err)
	}
	return nil
}

// hintf prints a hint on stderr, unless --quiet is set.
func (p *Program) hintf(format string, args ...any) {
	if !p.settings.quiet {
		_, _ = fmt.Fprintln(p.Stderr, printable.Text(fmt.Sprintf(format, args...))) // if stderr cannot be written, there is no place to report it
	}
}
