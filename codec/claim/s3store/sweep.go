package s3store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
)

// Sweep deletes the bodies that were put longer than age ago, and returns their number. It
// deletes only objects whose names are Prefix and a key of package claim. A lifecycle rule of
// the bucket does the same without requests.
func (s *Store) Sweep(ctx context.Context, age time.Duration) (deleted int64, err error) {
	before := time.Now().Add(-age)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the listing
	for object := range s.client.Client.ListObjects(ctx, s.config.Bucket, minio.ListObjectsOptions{Prefix: s.config.Prefix, Recursive: true}) {
		if object.Err != nil {
			return deleted, fmt.Errorf("s3store: sweep: %w", object.Err)
		}
		key := strings.TrimPrefix(object.Key, s.config.Prefix)
		if !isKey(key) || !object.LastModified.Before(before) {
			continue
		}
		if err := s.Delete(ctx, key); err != nil {
			return deleted, fmt.Errorf("s3store: sweep: %w", err)
		}
		deleted++
	}
	return deleted, ctx.Err()
}

// isKey reports whether a name has the form of the keys of package claim.
func isKey(name string) bool {
	return len(name) == 26 && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

// parse returns the host of an endpoint, and whether it uses TLS.
func parse(endpoint string) (host string, secure bool, err error) {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/")+u.RawQuery+u.Fragment != "":
		return "", false, errors.New("s3store: the endpoint is malformed, want https://HOST or https://HOST:PORT")
	case u.Scheme == "https":
		return u.Host, true, nil
	case u.Scheme == "http" && isLoopback(u.Hostname()):
		return u.Host, false, nil
	}
	return "", false, fmt.Errorf("s3store: the endpoint is %s://%s, want https, or http for a loopback address", u.Scheme, u.Host)
}

func isLoopback(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }
