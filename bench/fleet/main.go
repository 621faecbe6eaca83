// Command fleet measures what it costs that workers announce themselves, how fast the console
// shows them, and when it shows that a killed process is gone.
//
//	AMQP_URL=amqp://guest:guest@localhost:5672/ go run ./fleet
//
// It runs 200 workers with a queue and a connection each, in ten processes, and deletes their
// queues afterwards.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/bench/internal/machine"
	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/console"
)

const (
	processes = 10
	looks     = 20 // requests of each page
	settling  = 10 * time.Second
	patience  = 3 * time.Minute
)

type options struct {
	url     string
	workers int // of each process
	measure time.Duration
}

func main() {
	if setup := os.Getenv(childSetup); setup != "" {
		if err := child(setup); err != nil {
			fmt.Fprintln(os.Stderr, "fleet: a process of workers:", err)
			os.Exit(1)
		}
		return
	}
	o := options{url: os.Getenv("AMQP_URL")}
	flag.IntVar(&o.workers, "workers", 20, "workers of each of the ten processes")
	flag.DurationVar(&o.measure, "measure", 20*time.Second, "time over which CPU time is measured")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if o.url == "" {
		return errors.New("AMQP_URL is empty, want the URL of a broker")
	}
	printf("%d workers in %d processes, load %s\n\n", processes*o.workers, processes, machine.Load())
	printf("| announcements | listener | CPU of a worker | ÷ one core |\n| --- | --- | --- | --- |\n")
	for _, announce := range []bool{false, true} {
		if err := o.measureWorkers(ctx, announce); err != nil {
			return err
		}
	}
	return o.clean()
}

// measureWorkers prints the CPU time of the workers, first without a listener. Workers that
// announce themselves are also shown in a console.
func (o options) measureWorkers(ctx context.Context, announce bool) error {
	g, err := startGroup(ctx, o, announce)
	if err != nil {
		return err
	}
	defer g.kill()
	pause(ctx, settling)
	o.row(ctx, g, announce, false)
	if !announce || ctx.Err() != nil {
		return ctx.Err()
	}
	p, err := serveConsole(ctx, o)
	if err != nil {
		return err
	}
	defer p.close()
	if _, err := p.wait(ctx, processes*o.workers); err != nil {
		return err
	}
	pause(ctx, settling)
	o.row(ctx, g, announce, true)
	if err := p.measurePages(ctx); err != nil {
		return err
	}
	if err := g.killOne(); err != nil {
		return err
	}
	took, err := p.wait(ctx, (processes-1)*o.workers)
	if err == nil {
		printf("\na killed process of %d workers was shown as gone after %s\n", o.workers, took.Round(100*time.Millisecond))
	}
	return err
}

func (o options) row(ctx context.Context, g *group, announce, listener bool) {
	used, began := g.cpu(), time.Now()
	pause(ctx, o.measure)
	each := (g.cpu() - used) / time.Duration(processes*o.workers)
	word := map[bool]string{true: "yes", false: "no"}
	took := time.Since(began)
	printf("| %s | %s | %.2f ms/s | %.2f %% |\n", word[announce], word[listener],
		1000*each.Seconds()/took.Seconds(), 100*each.Seconds()/took.Seconds())
}

// clean deletes the queues of the workers.
func (o options) clean() error {
	conn, err := amqp.Dial(o.url)
	if err != nil {
		return err
	}
	ch, err := conn.Channel()
	for i := range processes * o.workers {
		for _, name := range queuesOf(i) {
			if err == nil {
				_, err = ch.QueueDelete(name, false, false, false)
			}
		}
	}
	return errors.Join(err, conn.Close())
}

func printf(format string, args ...any) {
	_, _ = fmt.Fprintf(os.Stdout, format, args...) // without stdout the results have no reader
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// pages is a console and its server.
type pages struct {
	url   string
	close func()
}

func serveConsole(ctx context.Context, o options) (*pages, error) {
	c, err := console.New(console.Config{Broker: broker.Config{URL: o.url}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: c, ReadHeaderTimeout: time.Second}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) }) // a failure is an error of the requests
	serving.Go(func() { _ = c.Run(running) })         // as above
	return &pages{url: "http://" + listener.Addr().String() + "/console/", close: func() {
		stop()
		_ = server.Close() // the measurement is over
		serving.Wait()
	}}, nil
}

// get requests a page, and returns its body.
func (p *pages) get(ctx context.Context, page string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+page, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %.200s", page, response.Status, body)
	}
	return body, errors.Join(err, response.Body.Close())
}

// measurePages prints how long requests of pages take.
func (p *pages) measurePages(ctx context.Context) error {
	printf("\n| page | median | slowest of %d | KiB |\n| --- | --- | --- | --- |\n", looks)
	for _, page := range []string{"", "queues", "processes", "working"} {
		var all []time.Duration
		var size int
		for range looks {
			began := time.Now()
			body, err := p.get(ctx, page)
			if err != nil {
				return err
			}
			all, size = append(all, time.Since(began)), len(body)
		}
		slices.Sort(all)
		printf("| %q | %d ms | %d ms | %d |\n", page, all[looks/2].Milliseconds(), all[looks-1].Milliseconds(), size>>10)
	}
	return nil
}

// wait waits until the console shows the wanted number of processes, without those that are gone.
func (p *pages) wait(ctx context.Context, want int) (time.Duration, error) {
	began := time.Now()
	for ; ; pause(ctx, 100*time.Millisecond) {
		got, err := p.present(ctx)
		if err != nil {
			return 0, err
		}
		if got == want {
			return time.Since(began), nil
		}
		if time.Since(began) > patience {
			return 0, fmt.Errorf("the console shows %d processes after %s, want %d", got, patience, want)
		}
	}
}

// present counts the processes that are not gone, on all pages of the list.
func (p *pages) present(ctx context.Context) (n int, err error) {
	for page := 1; page > 0; {
		body, err := p.get(ctx, fmt.Sprintf("api/processes?page=%d", page))
		if err != nil {
			return 0, err
		}
		var list struct {
			Processes []struct {
				Missing bool `json:"missing"`
			} `json:"processes"`
			Span struct {
				Next int `json:"next"`
			} `json:"span"`
		}
		if err := json.Unmarshal(body, &list); err != nil {
			return 0, err
		}
		for _, one := range list.Processes {
			if !one.Missing {
				n++
			}
		}
		page = list.Span.Next
	}
	return n, nil
}
