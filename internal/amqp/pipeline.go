package amqp

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
	"golang.org/x/sync/semaphore"

	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

// The window bounds the unconfirmed messages on one channel to 32 MiB and 4,096 messages,
// so that a slow or blocked broker cannot fill the memory of this process.
const (
	windowBytes   = 32 << 20
	windowCount   = 4096
	messageAtWork = windowBytes / windowCount
)

// pipeline is one channel in confirm mode, shared by many publishers.
type pipeline struct {
	session *Session
	ch      *amqp091.Channel
	window  *semaphore.Weighted
	done    chan struct{} // closed when the channel has ended

	worn     chan struct{} // closed when another channel should replace this one; see fatigue
	wornOnce sync.Once
	hopeless atomic.Bool // a message has waited far too long for its confirm
	replaced atomic.Bool // the channel was closed because another one has replaced it

	sendMu sync.Mutex     // keeps the order in sent the same as the order on the wire
	sent   chan *inFlight // unconfirmed, oldest first

	mu       sync.Mutex
	returns  chan amqp091.Return
	inFlight map[identity]*inFlight
	twins    uint64  // number of messages so far that needed a mark to be unique
	closed   error   // why the channel ended
	refused  refusal // what the broker refused, if that has ended the channel
}

// identity identifies a returned message. The mark is empty unless another message in
// flight has the same exchange, key and id.
type identity struct{ exchange, key, id, mark string }

// newPipeline opens a channel for at most room unconfirmed messages: windowCount, unless the
// caller publishes fewer.
func newPipeline(ctx context.Context, session *Session, patience time.Duration, room int) (*pipeline, error) {
	ch, err := session.Channel(ctx)
	if err != nil {
		return nil, err
	}
	if err := session.Call(ctx, func() error { return ch.Confirm(false) }, ch.Close); err != nil {
		return nil, fmt.Errorf("broker: confirm mode: %w", err)
	}
	p := &pipeline{
		session: session, ch: ch, window: semaphore.NewWeighted(windowBytes), done: make(chan struct{}), worn: make(chan struct{}),
		sent: make(chan *inFlight, room),
		// The channel has room for each unconfirmed message, because amqp091 blocks on a
		// full channel. 4,096 returns are 1 MB.
		returns:  ch.NotifyReturn(make(chan amqp091.Return, room)),
		inFlight: make(map[identity]*inFlight),
	}
	go p.watch(ch.NotifyClose(make(chan *amqp091.Error, 1)))
	go newConfirms(p, patience).track()
	return p, nil
}

// watch records why the channel ended.
func (p *pipeline) watch(closed <-chan *amqp091.Error) {
	err, refused := ErrNotConnected, refusal{}
	if e, ok := <-closed; ok {
		err = fmt.Errorf("%w: %w", ErrNotConnected, e)
		if e.Server && !p.session.conn.IsClosed() {
			refused = refusal{why: e}
		}
	}
	p.mu.Lock()
	p.closed = err
	p.refused = refused.among(p.inFlight)
	p.mu.Unlock()
	if limit := refused.maxBody(); limit > 0 {
		p.session.maxBody.Store(limit)
	}
	close(p.done)
}

// ended reports whether the channel is lost.
func (p *pipeline) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// publish sends a message once the window has room for it.
func (p *pipeline) publish(ctx context.Context, exchange, key string, msg amqp091.Publishing) (*inFlight, error) {
	f, err := p.admit(exchange, key, &msg)
	if err != nil {
		return nil, err
	}
	if err := p.window.Acquire(ctx, f.weight); err != nil {
		return nil, fmt.Errorf("too much is unconfirmed: %w", p.explain(context.Cause(ctx)))
	}
	return f, p.write(f, &msg)
}

// publishNow sends a message if the window has room for it. Otherwise ok is false.
func (p *pipeline) publishNow(exchange, key string, msg amqp091.Publishing) (f *inFlight, ok bool, err error) {
	if f, err = p.admit(exchange, key, &msg); err != nil {
		return nil, true, err
	}
	if !p.window.TryAcquire(f.weight) {
		return nil, false, nil
	}
	return f, true, p.write(f, &msg)
}

func (p *pipeline) admit(exchange, key string, msg *amqp091.Publishing) (*inFlight, error) {
	if err := errors.Join(checkStrings(exchange, key, msg), checkSize(msg, p.session.conn.Config.FrameSize)); err != nil {
		return nil, err
	}
	if limit := p.session.maxBody.Load(); limit > 0 && int64(len(msg.Body)) > limit {
		return nil, fmt.Errorf("%w: the body has %d bytes, and the broker takes at most %d", ErrTooLarge, len(msg.Body), limit)
	}
	return &inFlight{
		line: p, id: identity{exchange: exchange, key: key, id: msg.MessageId},
		size: len(msg.Body), userID: msg.UserId, expiration: msg.Expiration,
		weight: int64(min(len(msg.Body)+messageAtWork, windowBytes)), direct: exchange == "" && IsReplyAddress(key),
	}, nil
}

func (p *pipeline) write(f *inFlight, msg *amqp091.Publishing) (err error) {
	p.claim(f, msg)
	p.sendMu.Lock()
	defer p.sendMu.Unlock()
	f.sentAt = time.Now()
	f.confirm, err = p.ch.PublishWithDeferredConfirm(f.id.exchange, f.id.key, !f.direct, false, *msg)
	if err != nil {
		f.release()
		return f.publishError(err)
	}
	p.sent <- f // never blocks: sent has room for the whole window
	return nil
}

// claim makes f's identity unique among the messages in flight, because a returned message
// can be identified only by it. A message with the same identity as another one gets a
// mark, in a header that is removed on receipt.
func (p *pipeline) claim(f *inFlight, msg *amqp091.Publishing) {
	_, foreign := msg.Headers[record.HeaderPublish]
	p.mu.Lock()
	_, twin := p.inFlight[f.id]
	if twin {
		p.twins++
		f.id.mark = strconv.FormatUint(p.twins, 10)
	}
	p.inFlight[f.id] = f
	p.mu.Unlock()
	if !twin && !foreign {
		return
	}
	headers := make(amqp091.Table, len(msg.Headers)+1)
	maps.Copy(headers, msg.Headers)
	delete(headers, record.HeaderPublish)
	if twin {
		headers[record.HeaderPublish] = f.id.mark
	}
	msg.Headers = headers
}

// takeReturns records which messages were returned.
func (p *pipeline) takeReturns() {
	for {
		select {
		case r, ok := <-p.returns:
			if !ok {
				p.returns = nil
				return
			}
			id := identity{r.Exchange, r.RoutingKey, r.MessageId, message.Headers(r.Headers).String(record.HeaderPublish)}
			if f := p.inFlight[id]; f != nil {
				f.returned = &r
			}
		default:
			return
		}
	}
}

// unconfirmed returns the number of unconfirmed messages.
func (p *pipeline) unconfirmed() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.inFlight)
}

// explain returns the error of a publish whose time ran out while it waited for the broker.
func (p *pipeline) explain(cause error) error {
	if reason := p.session.Blocked(); reason != "" {
		return fmt.Errorf("%w (%s): %w", ErrBlocked, reason, cause)
	}
	return fmt.Errorf("no confirm from the broker in time: %w", cause)
}

// PublishAlone publishes one message, mandatory and confirmed, on a channel of its own, so
// that a refusal by the broker affects no other message.
func (s *Session) PublishAlone(ctx context.Context, m *message.Message) error {
	p := Publishing(m)
	if err := p.Headers.Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	line, err := newPipeline(ctx, s, -1, 1)
	if err != nil {
		return err
	}
	sent, err := line.publish(ctx, m.Exchange, m.RoutingKey, p)
	if err == nil {
		err = sent.wait(ctx, nil)
	}
	return errors.Join(err, s.CloseChannel(line.ch))
}
