package config

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"reflect"
)

// Source is what a configuration is made from.
type Source struct {
	// Name of the file, for errors; relative paths of secrets begin where it is.
	// config.yaml if empty.
	Name string
	// Data is the file, at most MaxBytes; see ReadFile. It may be empty.
	Data []byte
	// Handlers are the names that a handler's go may have.
	Handlers []string
	// Flags are values of flags by path, such as log.level. They win.
	Flags map[string]string
	// Runnable also reports what keeps a runner from starting: no broker URL, or
	// neither queues nor schedules.
	Runnable bool
	// LookupEnv gives the value of a variable: os.LookupEnv if nil.
	LookupEnv func(name string) (value string, ok bool)
	// Environ lists NAME=value: os.Environ if it and LookupEnv are nil.
	Environ func() []string
}

func (s Source) lookup(name string) (string, bool) {
	if s.LookupEnv == nil {
		return os.LookupEnv(name)
	}
	return s.LookupEnv(name)
}

func (s Source) environ() []string {
	switch {
	case s.Environ != nil:
		return s.Environ()
	case s.LookupEnv != nil:
		return nil
	}
	return os.Environ()
}

// ReadFile reads a file of at most limit bytes: no more than that is ever held.
func ReadFile(name string, limit int) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	data, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > limit:
		return nil, fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	return data, nil
}

// Load reads a configuration, or reports everything that is wrong with it in one
// *Error. It connects to nothing, and reads no files but those of secrets.
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
	return c, nil
}
