// Package broker is what a program says of RabbitMQ: how to reach it ([Config]), what to
// publish ([Publisher] and its options), and what to declare ([Declare], [Plan]). Workers
// take a Config and need nothing else of it.
//
//	pub := broker.NewPublisher(broker.Config{URL: url}, "events")
//	defer pub.Close()
//	err := pub.Publish(ctx, "user.signed_up", SignedUp{Email: email})
package broker
