package config

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"reflect"
)

// Source is the input of Load.
type Source struct {
	// Name is the name of the file, for errors. Relative paths of secrets start in its
	// directory. Empty means config.yaml.
	Name string
	// Data is the content of the file, at most MaxBytes; see ReadFile. It may be empty.
	Data []byte
	// Handlers are the names of the program's handlers, for the key go. Batches are the names of
	// those that handle batches.
	Handlers, Batches []string
	// Flags are the values of flags by path, such as log.level. They override the file and
	// the environment.
	Flags map[string]string
	// Runnable also checks what a runner needs to start: a broker URL, and queues or
	// schedules.
	Runnable bool
	// Elsewhere reads a configuration for another machine: variables without a default and the
	// files of secrets have stand-ins, and variables do not override settings. Needs lists them.
	Elsewhere bool
	// LookupEnv returns the value of a variable. Nil means os.LookupEnv.
	LookupEnv func(name string) (value string, ok bool)
	// Environ returns the variables as NAME=value. If it and LookupEnv are nil, os.Environ
	// is used.
	Environ func() []string
}

func (s Source) lookup(name string) (string, bool) {
	switch {
	case s.Elsewhere:
		return "", false
	case s.LookupEnv == nil:
		return os.LookupEnv(name)
	}
	return s.LookupEnv(name)
}

func (s Source) environ() []string {
	switch {
	case s.Elsewhere:
		return nil
	case s.Environ != nil:
		return s.Environ()
	case s.LookupEnv != nil:
		return nil
	}
	return os.Environ()
}

// ReadFile reads a file of at most limit bytes. It does not keep more in memory.
func ReadFile(name string, limit int) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // the file was only read
	data, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > limit:
		return nil, fmt.Errorf("%s is too large, want at most %d bytes", name, limit)
	}
	return data, nil
}

// Load reads a configuration, or returns all its faults in one *Error. It does not
// connect, and reads no files except the files of secrets.
func Load(s Source) (*Config, error) {
	s.Name = cmp.Or(s.Name, "config.yaml")
	d := parse(s)
	d.visit(d.root, reflect.TypeFor[Config](), "")
	if d.listing != nil {
		d.listing.disclose(d.notes)
	}
	d.checkSchema()
	over := d.overrides()
	c := d.decode(over)
	d.checkSettings(c)
	d.checkLists(c)
	if s.Runnable {
		d.checkRunnable(c, over)
	}
	if err := d.failure(); err != nil {
		return nil, err
	}
	c.origins, c.written, c.warnings = d.origins(over), d.written(), unknownVariables(s.environ())
	c.needs = d.needed.result()
	return c, nil
}
