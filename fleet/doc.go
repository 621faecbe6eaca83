// Package fleet configures how worker processes announce themselves on RabbitMQ and who may
// control them. "runner fleet" shows and controls the processes.
//
// A process publishes its state to the topic exchange warren.fleet every 3 s and at changes,
// as a transient message. Without a listener the broker drops it. The worker's user needs
// permission to configure and write that exchange; publishers need no permission for it.
//
// RabbitMQ verifies the user of each command. See Config.Users.
package fleet
