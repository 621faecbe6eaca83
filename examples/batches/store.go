package main

import (
	"context"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
)

// store keeps readings.
type store interface {
	insert(ctx context.Context, r reading) error
	copy(ctx context.Context, all []reading) error
}

func openStore(ctx context.Context, url string) (store, error) {
	if url == "" {
		return pause{}, nil
	}
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return nil, err
	}
	// The lock is for programs that create the table at the same time.
	_, err = pool.Exec(ctx, `SELECT pg_advisory_xact_lock(1); CREATE TABLE IF NOT EXISTS readings (sensor int, value float8)`)
	return postgres{pool}, err
}

type postgres struct{ pool *pgxpool.Pool }

func (p postgres) insert(ctx context.Context, r reading) error {
	_, err := p.pool.Exec(ctx, `INSERT INTO readings VALUES ($1, $2)`, r.Sensor, r.Value)
	return err
}

func (p postgres) copy(ctx context.Context, all []reading) error {
	_, err := p.pool.CopyFrom(ctx, pgx.Identifier{"readings"}, []string{"sensor", "value"},
		pgx.CopyFromSlice(len(all), func(i int) ([]any, error) { return []any{all[i].Sensor, all[i].Value}, nil }))
	return err
}

// pause stands for a database: each call takes 2 ms.
type pause struct{}

func (pause) insert(context.Context, reading) error { return wait() }
func (pause) copy(context.Context, []reading) error { return wait() }

func wait() error {
	<-time.After(2 * time.Millisecond)
	return nil
}

// brokerConfig returns how to reach RabbitMQ or, if AMQP_URL is not set, a broker in memory.
func brokerConfig() broker.Config {
	if url := os.Getenv("AMQP_URL"); url != "" {
		return broker.Config{URL: url}
	}
	dev := devbroker.New() // a broker in memory, which ends with the process
	return broker.Config{URL: dev.URL(), Dial: dev.DialContext}
}
