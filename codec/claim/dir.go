package claim

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"
)

// Dir is a Store in a folder, which all processes must share. Each body is a file that is
// complete and synchronized with the disk when Put returns. Names that begin with a dot are of
// bodies that are being written. It is safe for concurrent use.
type Dir struct{ root *os.Root }

var _ Store = (*Dir)(nil)

// OpenDir opens a store in a folder that exists.
func OpenDir(folder string) (*Dir, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("claim: open the folder of bodies: %w", err)
	}
	return &Dir{root}, nil
}

// Close closes the store.
func (d *Dir) Close() error { return d.root.Close() }

// place returns the path of a body. The first two characters of the key are a folder, so that
// no folder has too many files.
func place(key string) string { return path.Join(key[:2], key) }

// Put writes a body to a temporary file and renames it.
func (d *Dir) Put(_ context.Context, key string, body []byte) error {
	if !validKey(key) {
		return fmt.Errorf("claim: the key %.40q is malformed", key)
	}
	if err := d.root.Mkdir(key[:2], 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("claim: put body %s: %w", key, err)
	}
	temporary := path.Join(key[:2], "."+rand.Text())
	err := d.write(temporary, body)
	if err == nil {
		err = d.root.Rename(temporary, place(key))
	}
	if err == nil {
		err = errors.Join(d.sync(key[:2]), d.sync("."))
	}
	if err != nil {
		_ = d.root.Remove(temporary) // Sweep removes it later
		return fmt.Errorf("claim: put body %s: %w", key, err)
	}
	return nil
}

func (d *Dir) write(name string, body []byte) error {
	f, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(body)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// sync writes the entries of a folder to the disk.
func (d *Dir) sync(folder string) error {
	f, err := d.root.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Get reads a body, after it has compared the size of the file with limit.
func (d *Dir) Get(_ context.Context, key string, limit int) ([]byte, error) {
	if !validKey(key) {
		return nil, fmt.Errorf("claim: the key %.40q is malformed", key)
	}
	f, err := d.root.Open(place(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, key)
	}
	if err != nil {
		return nil, fmt.Errorf("claim: get body %s: %w", key, err)
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("claim: get body %s: %w", key, err)
	}
	if info.Size() > int64(limit) {
		return nil, tooLarge(key, info.Size(), limit)
	}
	body := make([]byte, info.Size())
	if _, err := io.ReadFull(f, body); err != nil {
		return nil, fmt.Errorf("claim: get body %s: %w", key, err)
	}
	return body, nil
}

func tooLarge(key string, size int64, limit int) error {
	return fmt.Errorf("claim: get body %s: it has %d bytes, want at most %d", key, size, limit)
}

// Delete removes a body.
func (d *Dir) Delete(_ context.Context, key string) error {
	if !validKey(key) {
		return fmt.Errorf("claim: the key %.40q is malformed", key)
	}
	if err := d.root.Remove(place(key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("claim: delete body %s: %w", key, err)
	}
	return nil
}

// isBody reports whether Put has written the file with this path. Others may have files in the folder.
func isBody(name string) bool {
	folder, file := path.Split(name)
	if temporary, ok := strings.CutPrefix(file, "."); ok {
		return len(folder) == len("AA/") && validKey(temporary)
	}
	return validKey(file) && name == place(file)
}

// Sweep deletes the bodies that were put longer than age ago, and returns their number. It leaves
// other files in the folder.
func (d *Dir) Sweep(ctx context.Context, age time.Duration) (deleted int64, err error) {
	before := time.Now().Add(-age)
	err = fs.WalkDir(d.root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !isBody(name) {
			return errors.Join(err, ctx.Err())
		}
		info, err := entry.Info()
		if err == nil && info.ModTime().Before(before) {
			if err = d.root.Remove(name); err == nil {
				deleted++
			}
		}
		if errors.Is(err, fs.ErrNotExist) { // another process has deleted it
			err = nil
		}
		return errors.Join(err, ctx.Err())
	})
	if err != nil {
		return deleted, fmt.Errorf("claim: sweep: %w", err)
	}
	return deleted, nil
}
