package wiring_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/warren-mq/warren/codec"
	"github.com/warren-mq/warren/codec/claim"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/wiring"
)

// serveS3 starts the S3 API of OpenStack Swift with an empty bucket, until the test ends.
func serveS3(t *testing.T) (endpoint, bucket string) {
	t.Helper()
	if runtime.GOOS == "darwin" {
		t.Skip("there is no package of Swift for macOS: see scripts/s3")
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "../../../scripts/s3", "serve", t.TempDir())
	cmd.WaitDelay = 10 * time.Second
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close() // ends the server
		_ = cmd.Wait()    // its status does not matter
	})
	port, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	host := "127.0.0.1:" + strings.TrimSpace(port)
	transport, err := minio.DefaultTransport(false)
	if err != nil {
		t.Fatal(err)
	}
	defer transport.CloseIdleConnections()
	client, err := minio.New(host, &minio.Options{Creds: credentials.NewStaticV4("test:tester", "testing", ""), Region: "us-east-1", Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	bucket = "bodies-" + strings.ToLower(rand.Text()[:10])
	if err := client.MakeBucket(t.Context(), bucket, minio.MakeBucketOptions{Region: "us-east-1"}); err != nil {
		t.Fatal(err)
	}
	return "http://" + host, bucket
}

// The codec of a configuration stores bodies with the credentials of the variables, and the bodies are
// swept from there.
func TestBodiesAreStoredInS3(t *testing.T) {
	endpoint, bucket := serveS3(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "test:tester")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "testing")
	bodies := codecOf(t, `claim: {min_bytes: 10B, s3: {bucket: `+bucket+`, prefix: runner/, endpoint: "`+endpoint+`"}}`)
	m := &message.Message{ID: "1"}
	if err := bodies.MarshalMessage(t.Context(), m, []byte("a large body")); err != nil || m.ContentEncoding != claim.Name {
		t.Fatalf("the encoding is %q and the error %v, want %s", m.ContentEncoding, err, claim.Name)
	}
	if opened, _, err := bodies.OpenMessage(t.Context(), m); err != nil || string(opened.Body) != "a large body" {
		t.Errorf("got %v and %v, want the body", opened, err)
	}
	store, err := wiring.OpenStore(config.Claim{S3: &config.S3{Bucket: bucket, Prefix: "runner/", Endpoint: endpoint}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		age  time.Duration
		want int64
	}{{time.Hour, 0}, {-time.Hour, 1}} {
		if n, err := store.Sweep(t.Context(), tt.age); n != tt.want || err != nil {
			t.Errorf("%d bodies older than %v deleted, %v; want %d", n, tt.age, err, tt.want)
		}
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	if _, _, err := bodies.OpenMessage(t.Context(), m); !errors.Is(err, codec.ErrUnavailable) {
		t.Errorf("got %v for a body that is not there, want ErrUnavailable", err)
	}
}
