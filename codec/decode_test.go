package codec_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/warren-mq/warren/codec"
	"github.com/warren-mq/warren/codec/cloudevents"
	"github.com/warren-mq/warren/codec/jsonschema"
	"github.com/warren-mq/warren/codec/jsonv2"
	"github.com/warren-mq/warren/codec/seal"
	"github.com/warren-mq/warren/codec/zstd"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/encode"
	"github.com/warren-mq/warren/message"
)

type order struct {
	ID     string            `json:"id"`
	Total  float64           `json:"total"`
	Lines  []line            `json:"lines"`
	Labels map[string]string `json:"labels"`
}

type line struct {
	SKU   string `json:"sku"`
	Count int    `json:"count"`
	Note  string `json:"note"`
}

func anOrder() order {
	o := order{ID: "018f3c6e-7b1a-7c3e-9f00-0242ac120002", Total: 129.95, Labels: map[string]string{"region": "eu", "tenant": "blue"}}
	for i := range 40 {
		o.Lines = append(o.Lines, line{fmt.Sprintf("SKU-%06d", 7919*i%100_000), i, strings.Repeat("gift ", i%7)})
	}
	return o
}

// BenchmarkDecode compares what it costs to decode one order by each codec, as Typed does for a
// handler. The first is encoding/json.
func BenchmarkDecode(b *testing.B) {
	ring, err := seal.NewRing(seal.NewKey("2026"))
	if err != nil {
		b.Fatal(err)
	}
	schemas, err := jsonschema.Compile(map[string]string{"#": `{"type":"object","required":["id","lines"],
		"properties":{"total":{"type":"number"},"lines":{"items":{"required":["sku"],"properties":{"count":{"minimum":0}}}}}}`})
	if err != nil {
		b.Fatal(err)
	}
	gzip, small := codec.Gzip(codec.Limits{}), zstd.Encoding(codec.Limits{})
	for _, bb := range []struct {
		name  string
		codec handler.Codec
	}{
		{"json", handler.JSON()},
		{"jsonv2", jsonv2.Codec()},
		{"json+gzip", codec.New(handler.JSON(), gzip)},
		{"json+zstd", codec.New(handler.JSON(), small)},
		{"json+sealed", codec.New(handler.JSON(), seal.Encoding(ring))},
		{"json+zstd+sealed", codec.New(handler.JSON(), small, seal.Encoding(ring))},
		{"json+schema", schemas.Codec(handler.JSON())},
		{"cloudevents-binary", cloudevents.New(cloudevents.Config{Source: "/a"})},
		{"cloudevents-structured", cloudevents.New(cloudevents.Config{Source: "/a", Structured: true})},
	} {
		b.Run(bb.name, func(b *testing.B) {
			m := &message.Message{ID: "1", RoutingKey: "order.paid"}
			if err := encode.Body(b.Context(), m, anOrder(), bb.codec); err != nil {
				b.Fatal(err)
			}
			h := handler.Typed(func(context.Context, order) error { return nil }, handler.WithCodec(bb.codec))
			b.ReportAllocs()
			for b.Loop() {
				if err := h.Handle(b.Context(), m); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(m.Body)), "bytes")
		})
	}
}
