// Package warren is the root of a consumer worker framework and job runner for
// RabbitMQ; it holds no code, and package worker is where to begin.
package warren
