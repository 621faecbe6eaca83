// Package warren is the root of a consumer worker framework for
// RabbitMQ; it holds no code, and package worker is where to begin.
package warren
