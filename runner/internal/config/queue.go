package config

import (
	"time"

	"github.com/warren-mq/warren/retry"
)

// Queue is a work queue: the fields of worker.Queue.
type Queue struct {
	Name             string         `yaml:"name" jsonschema:"required,minLength=1,maxLength=200" jsonschema_description:"The dead-letter queue is NAME.dlq."`
	Exchange         string         `yaml:"exchange" jsonschema:"maxLength=255" jsonschema_description:"The handlers' keys are bound to it. Empty is the default exchange: what is published to the queue by its name."`
	BindingArguments map[string]any `yaml:"binding_arguments" jsonschema_description:"Go with each binding, as an exchange of type headers needs them."`
	Concurrency      int            `yaml:"concurrency" jsonschema:"minimum=1,maximum=65535,default=1" jsonschema_description:"Messages in hand at a time."`
	Prefetch         int            `yaml:"prefetch" jsonschema:"minimum=1,maximum=65535" jsonschema_description:"Messages the broker sends ahead, those in hand included. If missing twice the concurrency, or with max_priority just the concurrency."`
	OrderBy          string         `yaml:"order_by" jsonschema:"format=order-by" jsonschema_description:"Messages of the same routing_key, correlation_id, type or header:NAME are handled in order."`
	Retry            Retry          `yaml:"retry" jsonschema_description:"When a failed message is tried again."`
	Timeout          Limit          `yaml:"timeout" jsonschema:"default=1m" jsonschema_description:"Bounds one run of a handler, or \"none\"."`
	MaxBodyBytes     Size           `yaml:"max_body_bytes" jsonschema:"default=16MiB" jsonschema_description:"Larger messages are dead-lettered."`
	Type             string         `yaml:"type" jsonschema:"enum=quorum,enum=classic" jsonschema_description:"quorum, or with max_priority classic, if missing."`
	MaxPriority      int            `yaml:"max_priority" jsonschema:"minimum=1,maximum=10" jsonschema_description:"Makes priorities count, and the queue classic."`
	DeliveryLimit    int            `yaml:"delivery_limit" jsonschema:"minimum=1,maximum=2147483647" jsonschema_description:"How often the broker delivers a message before it dead-letters it by itself; 20 if missing. Quorum queues only."`
	MessageTTL       Duration       `yaml:"message_ttl" jsonschema_description:"What has waited so long is dead-lettered."`
	MaxLength        int            `yaml:"max_length" jsonschema:"minimum=1,maximum=2147483647" jsonschema_description:"Messages waiting; more are refused."`
	SingleActive     bool           `yaml:"single_active" jsonschema:"default=false" jsonschema_description:"One consumer at a time receives, among all processes."`
	Arguments        map[string]any `yaml:"arguments" jsonschema_description:"Added to the queue's AMQP arguments, and win over them."`
	Paused           bool           `yaml:"paused" jsonschema:"default=false" jsonschema_description:"Do not receive until resumed."`
	Handlers         []Handler      `yaml:"handlers" jsonschema:"required,minItems=1"`
}

// Retry is the schedule of a queue's retries.
type Retry struct {
	MaxAttempts         int      `yaml:"max_attempts" jsonschema:"minimum=-1,maximum=2147483647,default=20" jsonschema_description:"In all, the first included; 1 is never again, -1 without limit."`
	InitialInterval     Duration `yaml:"initial_interval" jsonschema:"default=1s" jsonschema_description:"The pause after the first failure."`
	Multiplier          float64  `yaml:"multiplier" jsonschema:"minimum=1,maximum=1000,default=2" jsonschema_description:"What each pause is times the one before."`
	MaxInterval         Duration `yaml:"max_interval" jsonschema:"default=10m" jsonschema_description:"The longest pause."`
	RandomizationFactor float64  `yaml:"randomization_factor" jsonschema:"minimum=0,maximum=1,default=0.2" jsonschema_description:"Spreads a pause by up to this part of it."`
}

// Policy is r as the worker has it.
func (r Retry) Policy() retry.Policy {
	return retry.Policy{
		MaxAttempts: r.MaxAttempts, InitialInterval: time.Duration(r.InitialInterval), Multiplier: r.Multiplier,
		MaxInterval: time.Duration(r.MaxInterval), RandomizationFactor: orNone(r.RandomizationFactor),
	}
}

// Policy is b as the packages that attempt something have it.
func (b Backoff) Policy() retry.Policy {
	p := retry.Policy{
		InitialInterval: time.Duration(b.InitialInterval), Multiplier: b.Multiplier, MaxInterval: time.Duration(b.MaxInterval),
	}
	if b.RandomizationFactor != nil {
		p.RandomizationFactor = orNone(*b.RandomizationFactor)
	}
	return p
}

// orNone is the factor that a retry.Policy does not take for a default.
func orNone(factor float64) float64 {
	if factor == 0 {
		return -1
	}
	return factor
}
