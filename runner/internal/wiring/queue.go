package wiring

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/worker"
)

// Queue returns the work queue of q. Its exchange has the type in exchanges.
func Queue(q config.Queue, exchanges []config.Exchange) worker.Queue {
	w := worker.Queue{
		Name: q.Name, Exchange: q.Exchange, BindingArguments: q.BindingArguments,
		Concurrency: q.Concurrency, Prefetch: q.Prefetch, OrderBy: orderBy(q.OrderBy),
		Retry: q.Retry.Policy(), Timeout: time.Duration(q.Timeout), MaxBodyBytes: int(q.MaxBodyBytes),
		Type: q.Type, MaxPriority: q.MaxPriority, DeliveryLimit: q.DeliveryLimit,
		MessageTTL: time.Duration(q.MessageTTL), MaxLength: q.MaxLength, SingleActive: q.SingleActive, Arguments: q.Arguments,
	}
	i := slices.IndexFunc(exchanges, func(e config.Exchange) bool { return e.Name == q.Exchange })
	if i >= 0 {
		w.ExchangeKind, w.ExchangeArguments = exchanges[i].Type, exchanges[i].Arguments
	}
	return w
}

// orderBy returns the function for order_by, or nil if it is empty.
func orderBy(what string) func(*message.Message) string {
	switch what {
	case "":
		return nil
	case "routing_key":
		return func(m *message.Message) string { return m.RoutingKey }
	case "correlation_id":
		return func(m *message.Message) string { return m.CorrelationID }
	case "type":
		return func(m *message.Message) string { return m.Type }
	}
	header := strings.TrimPrefix(what, "header:")
	return func(m *message.Message) string {
		if v, ok := m.Headers[header]; ok {
			return fmt.Sprint(v)
		}
		return ""
	}
}
