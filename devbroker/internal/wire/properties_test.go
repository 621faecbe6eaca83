package wire_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// everyProperty returns properties none of which is missing.
func everyProperty() wire.Properties {
	return wire.Properties{
		Present:     ^wire.Flags(0) &^ 3,
		ContentType: "application/json", ContentEncoding: "gzip",
		Headers:      everyType(),
		DeliveryMode: 2, Priority: 9,
		CorrelationID: "correlation", ReplyTo: "amq.rabbitmq.reply-to", Expiration: "60000",
		MessageID: "0197", Timestamp: 1 << 33, Type: "signed-up",
		UserID: "guest", AppID: "warren", ClusterID: "",
	}
}

func TestPropertiesComeBackAsTheyWereSent(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		p    wire.Properties
	}{
		{"all of them", everyProperty()},
		{"none of them", wire.Properties{}},
		{"an empty one", wire.Properties{Present: wire.HasMessageID}},
		{"an empty table", wire.Properties{Present: wire.HasHeaders}},
		{"the first and the last", wire.Properties{Present: wire.HasContentType | wire.HasClusterID, ContentType: "a", ClusterID: "b"}},
		{"flags without a meaning", wire.Properties{Present: 3 | wire.HasPriority, Priority: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sent := tt.p.Append(nil)
			got, err := wire.ParseProperties(sent)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tt.p) {
				t.Errorf("got %+v, want %+v", got, tt.p)
			}
			for i := range sent {
				if _, err := wire.ParseProperties(sent[:i]); err == nil {
					t.Errorf("%d of its %d bytes are enough", i, len(sent))
				}
			}
		})
	}
}

func TestPropertiesAreInTheOrderOfTheSpecification(t *testing.T) {
	t.Parallel()
	p := wire.Properties{
		Present:     ^wire.Flags(0) &^ 3,
		ContentType: "a", ContentEncoding: "b", DeliveryMode: 'c', Priority: 'd', CorrelationID: "e", ReplyTo: "f",
		Expiration: "g", MessageID: "h", Timestamp: 'i', Type: "j", UserID: "k", AppID: "l", ClusterID: "m",
	}
	want := "\xff\xfc" + "\x01a" + "\x01b" + "\x00\x00\x00\x00" + "c" + "d" + "\x01e" + "\x01f" + "\x01g" + "\x01h" +
		"\x00\x00\x00\x00\x00\x00\x00i" + "\x01j" + "\x01k" + "\x01l" + "\x01m"
	if got := p.Append(nil); string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAHeaderComesApart(t *testing.T) {
	t.Parallel()
	properties := everyProperty().Append(nil)
	sent := payload(t, wire.AppendContent(nil, 1, wire.ClassBasic, properties, make([]byte, 300), 0))
	got, err := wire.ParseHeader(sent)
	if err != nil {
		t.Fatal(err)
	}
	if got.Class != wire.ClassBasic || got.BodySize != 300 || !bytes.Equal(got.Properties, properties) {
		t.Errorf("got %+v", got)
	}
	var e *wire.FrameError
	if _, err := wire.ParseHeader(sent[:11]); !errors.As(err, &e) {
		t.Errorf("of a header cut short the error is %v, want a FrameError", err)
	}
}
