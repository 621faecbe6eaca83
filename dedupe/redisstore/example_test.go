package redisstore_test

import (
	"fmt"
	"log"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/warren-mq/warren/dedupe/redisstore"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/middleware"
	"github.com/warren-mq/warren/worker"
)

// Every worker that uses the same Redis handles a payment once in two days.
func ExampleNew() {
	client := redis.NewClient(&redis.Options{Addr: "localhost:6379", ContextTimeoutEnabled: true})
	store := redisstore.New(client, redisstore.Config{Retention: 48 * time.Hour})
	queue := worker.Queue{Name: "payments", Middleware: []handler.Middleware{middleware.Dedupe(store)}}
	fmt.Println(queue.Name)
	if err := client.Close(); err != nil {
		log.Fatal(err)
	}
	// Output: payments
}
