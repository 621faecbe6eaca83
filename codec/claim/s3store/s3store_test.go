package s3store_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/codec"
	"github.com/warren-mq/warren/codec/claim"
	"github.com/warren-mq/warren/codec/claim/claimtest"
	"github.com/warren-mq/warren/codec/claim/s3store"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

// bucket creates a bucket of the test's own.
func bucket(t *testing.T) (endpoint, name string, client *minio.Client) {
	t.Helper()
	if runtime.GOOS == "darwin" {
		t.Skip("there is no package of Swift for macOS: see scripts/s3")
	}
	swift.once.Do(swift.start)
	if swift.err != nil {
		t.Fatal(swift.err)
	}
	transport, err := minio.DefaultTransport(false)
	if err == nil {
		client, err = minio.New(strings.TrimPrefix(swift.url, "http://"), &minio.Options{Creds: keys(), Region: "us-east-1", Transport: transport})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(transport.CloseIdleConnections)
	name = "bodies-" + strings.ToLower(rand.Text()[:10])
	if err := client.MakeBucket(t.Context(), name, minio.MakeBucketOptions{Region: "us-east-1"}); err != nil {
		t.Fatal(err)
	}
	return swift.url, name, client
}

// objects returns the names of the objects in a bucket.
func objects(t *testing.T, client *minio.Client, bucket string) (names []string) {
	t.Helper()
	for o := range client.ListObjects(t.Context(), bucket, minio.ListObjectsOptions{Recursive: true}) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		names = append(names, o.Key)
	}
	return names
}

func TestStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	endpoint, name, _ := bucket(t)
	c := s3store.Config{Endpoint: endpoint, Bucket: name, Prefix: "bodies/"}
	claimtest.Run(t, func(t *testing.T) (one, other claim.Store) {
		t.Helper()
		return open(t, c), open(t, c)
	})
}

// TestAFailedPublishLeavesNoObject, and one that succeeds leaves one, until Sweep.
func TestAFailedPublishLeavesNoObject(t *testing.T) {
	t.Parallel()
	endpoint, name, client := bucket(t)
	store := open(t, s3store.Config{Endpoint: endpoint, Bucket: name, Prefix: "p/"})
	bodies := codec.New(handler.Raw(), claim.Encoding(store, claim.Config{MinBytes: 10}))
	dev, err := devbroker.Start(devbroker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	pub := broker.NewPublisher(broker.Config{URL: dev.URL()}, "")
	err = pub.Publish(t.Context(), "nowhere", make([]byte, 100), broker.WithCodec(bodies))
	if left := objects(t, client, name); !errors.Is(err, broker.ErrUnroutable) || len(left) != 0 {
		t.Errorf("got the objects %q and the error %v, want none after ErrUnroutable", left, err)
	}
	if err := errors.Join(pub.Close(), dev.Close()); err != nil {
		t.Error(err)
	}
	if err := bodies.MarshalMessage(t.Context(), new(message.Message), make([]byte, 100)); err != nil {
		t.Error(err)
	}
	if _, err := client.PutObject(t.Context(), name, "p/other", strings.NewReader("x"), 1, minio.PutObjectOptions{DisableContentSha256: true}); err != nil {
		t.Error(err)
	}
	for _, tt := range []struct {
		age  time.Duration
		want int64
	}{{time.Hour, 0}, {-time.Hour, 1}, {-time.Hour, 0}} {
		if n, err := store.Sweep(t.Context(), tt.age); n != tt.want || err != nil {
			t.Errorf("Sweep(%v) deleted %d bodies with the error %v, want %d", tt.age, n, err, tt.want)
		}
	}
	if left := objects(t, client, name); len(left) != 1 || left[0] != "p/other" {
		t.Errorf("the objects are %q, want p/other, which is no body", left)
	}
}

func TestErrorsOfTheServiceAreNoMissingBodies(t *testing.T) {
	t.Parallel()
	endpoint, name, _ := bucket(t)
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the end of the connection is seen after it
		<-r.Context().Done()
	}))
	t.Cleanup(hanging.Close)
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	t.Cleanup(broken.Close)
	for _, tt := range []struct {
		name string
		c    s3store.Config
		want string
	}{
		{"a bucket that does not exist", s3store.Config{Endpoint: endpoint, Bucket: name + "x"}, "bucket does not exist"},
		{"wrong keys", s3store.Config{Endpoint: endpoint, Bucket: name, Credentials: badKeys()}, "signature"},
		{"a server that does not answer", s3store.Config{Endpoint: hanging.URL, Bucket: name, Timeout: 200 * time.Millisecond}, "deadline exceeded"},
		{"a server that has an error", s3store.Config{Endpoint: broken.URL, Bucket: name, Timeout: 5 * time.Second}, ""},
		{"no server", s3store.Config{Endpoint: "http://127.0.0.1:1", Bucket: name, Timeout: 5 * time.Second}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, key := open(t, tt.c), rand.Text()
			_, get := s.Get(t.Context(), key, 10)
			for what, err := range map[string]error{"Get": get, "Put": s.Put(t.Context(), key, []byte("body"))} {
				if err == nil || errors.Is(err, claim.ErrNotFound) || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%s: got %v, want an error with %q that is not ErrNotFound", what, err, tt.want)
				}
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		c    s3store.Config
		want string
	}{
		{"no bucket", s3store.Config{}, "Bucket is empty"},
		{"http to another machine", s3store.Config{Bucket: "b", Endpoint: "http://s3.example.com"}, "want https"},
		{"a host without a scheme", s3store.Config{Bucket: "b", Endpoint: "s3.example.com:9000"}, "want https"},
		{"a password in the URL", s3store.Config{Bucket: "b", Endpoint: "https://u:hunter2@s3.example.com"}, "malformed"},
		{"a path", s3store.Config{Bucket: "b", Endpoint: "https://s3.example.com/b"}, "malformed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := s3store.Open(tt.c); err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

// TestAnUnknownCertificateIsRefused, before a body is sent.
func TestAnUnknownCertificateIsRefused(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	s.Config.ErrorLog = nil
	store := open(t, s3store.Config{Endpoint: s.URL, Bucket: "bodies", Timeout: 5 * time.Second})
	if err := store.Put(t.Context(), rand.Text(), []byte("body")); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v, want an error about the certificate", err)
	}
}

// TestTheEnvironmentConfiguresAStore by the variables that other clients of S3 read.
func TestTheEnvironmentConfiguresAStore(t *testing.T) {
	endpoint, name, _ := bucket(t)
	for variable, value := range map[string]string{
		"AWS_ENDPOINT_URL_S3": endpoint, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test:tester", "AWS_SECRET_ACCESS_KEY": "testing",
	} {
		t.Setenv(variable, value)
	}
	s, err := s3store.Open(s3store.Config{Bucket: name})
	if err != nil {
		t.Fatal(err)
	}
	key := rand.Text()
	if err := errors.Join(s.Put(t.Context(), key, []byte("body")), s.Delete(context.WithoutCancel(t.Context()), key), s.Close()); err != nil {
		t.Error(err)
	}
}

// TestABodyOfUnknownSize: a service answers without a Content-Length.
func TestABodyOfUnknownSize(t *testing.T) {
	t.Parallel()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
		w.Header().Set("ETag", `"0"`)
		_ = http.NewResponseController(w).Flush()
		_, _ = io.WriteString(w, "eleven byte")
	}))
	t.Cleanup(service.Close)
	s := open(t, s3store.Config{Bucket: "bodies", Endpoint: service.URL})
	if body, err := s.Get(t.Context(), rand.Text(), 11); err != nil || string(body) != "eleven byte" {
		t.Errorf("got %q and %v, want the body", body, err)
	}
	if body, err := s.Get(t.Context(), rand.Text(), 10); err == nil || !strings.Contains(err.Error(), "want at most 10") {
		t.Errorf("got %q and %v, want that the body is too large", body, err)
	}
}
