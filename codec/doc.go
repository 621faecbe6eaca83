// Package codec wraps a handler.Codec, so that bodies travel compressed, sealed, or outside of
// the broker. New applies encodings to the bodies of another codec and names them in the
// property content-encoding. The same value encodes at the publisher and decodes at the
// consumer:
//
//	bodies := codec.New(handler.JSON(), codec.Gzip(codec.Limits{}), seal.Encoding(ring))
//	err := pub.Publish(ctx, "user.signed_up", u, broker.WithCodec(bodies))
//	q.Handle("user.signed_up", handler.Typed(welcome, handler.WithCodec(bodies)))
//
// A consumer decodes by the names in the property, in whatever order its own list has them, so
// a publisher may begin to use an encoding once all consumers have it in their list.
//
// Retries and dead letters are copies of the message as it was published: compressed, sealed
// or stored outside. message.FromContext returns this message, too.
//
// The packages below this one have further encodings (zstd, seal, claim) and codecs
// (cloudevents, jsonschema, jsonv2). Each is a package of its own, so that a program links only
// the libraries that it uses.
package codec
