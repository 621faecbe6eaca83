// Package broker speaks to RabbitMQ, and is the only part of Warren that does:
// sessions that are replaced when they are lost, publishing that tells the truth,
// consuming and settling, topology, and delays.
//
// Most programs need only [Config], given to the worker, and [NewPublisher]:
//
//	pub := broker.NewPublisher(broker.Config{URL: url}, "events")
//	defer pub.Close()
//	err := pub.Publish(ctx, "user.signed_up", SignedUp{Email: email})
//
// A session is one AMQP connection from dial to loss. Nothing survives its
// session: a delivery is settled on the channel it came from or not at all.
package broker
