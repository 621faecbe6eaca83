// Package broker configures how a program reaches RabbitMQ ([Config]), publishes messages
// ([Publisher] and its options), and declares topology ([Declare], [Plan]). Workers need
// only a Config.
//
//	pub := broker.NewPublisher(broker.Config{URL: url}, "events")
//	defer pub.Close()
//	err := pub.Publish(ctx, "user.signed_up", SignedUp{Email: email})
package broker
