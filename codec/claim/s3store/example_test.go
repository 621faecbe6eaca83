package s3store_test

import (
	"fmt"

	"github.com/warren-mq/warren/codec"
	"github.com/warren-mq/warren/codec/claim"
	"github.com/warren-mq/warren/codec/claim/s3store"
	"github.com/warren-mq/warren/handler"
)

// Bodies of 256 KiB and more are kept in a bucket, after compression.
func ExampleOpen() {
	store, err := s3store.Open(s3store.Config{Bucket: "bodies", Prefix: "orders/", Region: "eu-central-1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	bodies := codec.New(handler.JSON(), codec.Gzip(codec.Limits{}), claim.Encoding(store, claim.Config{MinBytes: 256 << 10}))
	fmt.Println(bodies.ContentType(), store.Close())
	// Output: application/json <nil>
}
