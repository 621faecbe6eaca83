// Package differential compares devbroker with RabbitMQ by random sequences of methods:
// its test plays the same sequence on both and compares everything that a client sees.
//
// AMQP_URL names the broker to compare with. WARREN_SEEDS is how many sequences are
// played (the default is 20) and WARREN_SEED the first of them (the default is 4).
package differential
