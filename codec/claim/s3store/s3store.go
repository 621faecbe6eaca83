// Package s3store is a claim.Store in a bucket of Amazon S3, or of a service that is compatible
// with it, by github.com/minio/minio-go.
//
//	store, err := s3store.Open(s3store.Config{Bucket: "bodies", Region: "eu-central-1"})
//	bodies := codec.New(handler.JSON(), codec.Gzip(codec.Limits{}), claim.Encoding(store, claim.Config{}))
//
// Bodies are deleted by a lifecycle rule of the bucket or by Store.Sweep, after an age that no
// message reaches, dead letters included: see package claim. The user of the store needs the
// permissions s3:PutObject, s3:GetObject and s3:DeleteObject, for Sweep also s3:ListBucket.
package s3store

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/warren-mq/warren/codec/claim"
)

// Config configures Open. Bucket must be set.
type Config struct {
	// Bucket is the name of a bucket that exists.
	Bucket string
	// Prefix begins the names of all objects, such as "bodies/". The default is none.
	Prefix string
	// Endpoint is the URL of the service, such as https://s3.example.com:9000. Empty means the
	// variable AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, or else Amazon S3. The certificate is
	// verified. http is accepted for loopback addresses only.
	Endpoint string
	// Region is the region of the bucket. Empty means the variable AWS_REGION or
	// AWS_DEFAULT_REGION, or else us-east-1.
	Region string
	// Credentials are how requests are signed. Nil means the first that is found: the variables
	// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; the file of
	// AWS_SHARED_CREDENTIALS_FILE with the profile of AWS_PROFILE; or the role of the machine,
	// container or Kubernetes service account.
	Credentials *credentials.Credentials
	// Timeout is the limit for one call, with its retries. Zero means 30 s.
	Timeout time.Duration
	// Transport sends the requests. Nil means one that verifies certificates.
	Transport http.RoundTripper
}

// Store keeps bodies as objects of a bucket. It is safe for concurrent use.
type Store struct {
	client *minio.Core
	config Config
	own    *http.Transport // empty with Config.Transport
}

var _ claim.Store = (*Store)(nil)

// maxRetries is how often the client tries a request whose error may be transient.
const maxRetries = 3

// Open returns a store. It does not connect. The error reports what is wrong with c.
func Open(c Config) (*Store, error) {
	if c.Bucket == "" {
		return nil, errors.New("s3store: Bucket is empty, want the name of a bucket")
	}
	c.Endpoint = cmp.Or(c.Endpoint, os.Getenv("AWS_ENDPOINT_URL_S3"), os.Getenv("AWS_ENDPOINT_URL"), "https://s3.amazonaws.com")
	c.Region = cmp.Or(c.Region, os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"), "us-east-1")
	c.Timeout = cmp.Or(c.Timeout, 30*time.Second)
	host, secure, err := parse(c.Endpoint)
	if err != nil {
		return nil, err
	}
	if c.Credentials == nil {
		c.Credentials = credentials.NewChainCredentials([]credentials.Provider{
			&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{},
		})
	}
	own := new(http.Transport)
	if c.Transport == nil {
		if own, err = minio.DefaultTransport(secure); err != nil {
			return nil, fmt.Errorf("s3store: %w", err)
		}
		c.Transport = own
	}
	client, err := minio.NewCore(host, &minio.Options{
		Creds: c.Credentials, Secure: secure, Region: c.Region, Transport: c.Transport, MaxRetries: maxRetries,
	})
	if err != nil {
		return nil, fmt.Errorf("s3store: endpoint %s: %w", host, err)
	}
	return &Store{client, c, own}, nil
}

// Close closes the idle connections, unless they belong to Config.Transport. It returns nil.
func (s *Store) Close() error {
	s.own.CloseIdleConnections()
	return nil
}

// name returns the name of the object with a body.
func (s *Store) name(key string) string { return s.config.Prefix + key }

func (s *Store) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.config.Timeout)
}

// deleteTimeout bounds the time to delete a body whose Put has failed.
const deleteTimeout = 5 * time.Second

// Put stores a body. After an error it deletes the object, which the service may have.
func (s *Store) Put(ctx context.Context, key string, body []byte) error {
	putting, cancel := s.limit(ctx)
	defer cancel()
	sum := sha256.Sum256(body)
	_, err := s.client.PutObject(putting, s.config.Bucket, s.name(key), bytes.NewReader(body), int64(len(body)), "", hex.EncodeToString(sum[:]),
		minio.PutObjectOptions{ContentType: "application/octet-stream", DisableContentSha256: true}) // the option avoids aws-chunked, which not all services understand
	if err == nil {
		return nil
	}
	deleting, cancel := context.WithTimeout(context.WithoutCancel(ctx), deleteTimeout)
	defer cancel()
	_ = s.Delete(deleting, key) // Sweep or the lifecycle rule deletes it later
	return fmt.Errorf("s3store: put body %s: %w", key, err)
}

// Get reads a body, after it has compared the size of the object with limit. If the service does not
// state the size, it reads at most limit bytes and one.
func (s *Store) Get(ctx context.Context, key string, limit int) ([]byte, error) {
	ctx, cancel := s.limit(ctx)
	defer cancel()
	object, info, _, err := s.client.GetObject(ctx, s.config.Bucket, s.name(key), minio.GetObjectOptions{})
	if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
		return nil, fmt.Errorf("%w: %s", claim.ErrNotFound, key)
	}
	if err != nil {
		return nil, fmt.Errorf("s3store: get body %s: %w", key, err)
	}
	defer func() { _ = object.Close() }() // it was only read
	if info.Size > int64(limit) {
		return nil, fmt.Errorf("s3store: get body %s: it has %d bytes, want at most %d", key, info.Size, limit)
	}
	body, err := read(object, info.Size, int64(limit))
	if err != nil {
		return nil, fmt.Errorf("s3store: get body %s: %w", key, err)
	}
	return body, nil
}

// read reads an object with a size, which is negative if it is not known.
func read(object io.Reader, size, limit int64) ([]byte, error) {
	if size >= 0 {
		body := make([]byte, size)
		_, err := io.ReadFull(object, body)
		return body, err
	}
	body, err := io.ReadAll(io.LimitReader(object, limit+1))
	if err == nil && int64(len(body)) > limit {
		err = fmt.Errorf("it has more than %d bytes, want at most %d", limit, limit)
	}
	return body, err
}

// Delete removes a body.
func (s *Store) Delete(ctx context.Context, key string) error {
	ctx, cancel := s.limit(ctx)
	defer cancel()
	err := s.client.RemoveObject(ctx, s.config.Bucket, s.name(key), minio.RemoveObjectOptions{})
	if err != nil && minio.ToErrorResponse(err).Code != minio.NoSuchKey {
		return fmt.Errorf("s3store: delete body %s: %w", key, err)
	}
	return nil
}
