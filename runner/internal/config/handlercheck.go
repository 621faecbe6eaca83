package config

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/warren-mq/warren/job"
)

func (d *document) checkHandler(path string, h Handler) {
	d.checkListed("codecs", join(path, "codec"), h.Codec)
	var has []string
	for _, kind := range Kinds() {
		if d.nodes[join(path, kind)] != nil {
			has = append(has, kind)
		}
	}
	switch len(has) {
	case 0:
		d.complainf(path, "the handler has no action, want one of %s", either(Kinds()))
	case 1:
		d.checkKindOf(path, h)
		if h.Emits != nil {
			d.checkEmits(path, h)
		}
		if h.Replies != nil {
			d.checkReplies(path, h)
		}
		if h.Checkpoints && h.Exec == nil && h.Persistent == nil && h.Webhook == nil {
			d.complainf(keyOf(join(path, "checkpoints")), "the handler has checkpoints, want it only with exec, persistent or webhook")
		}
	default:
		d.complainf(keyOf(join(path, has[1])), "the handler has %s, want one of them", strings.Join(has, " and "))
	}
}

func (d *document) checkKindOf(path string, h Handler) {
	switch at := join(path, h.Kind()); {
	case h.Go != "":
		d.checkGo(at, h)
	case h.Exec != nil:
		d.checkCommand(at, h.Exec.Command)
		d.checkExitCodes(at, h.Exec.ExitCodes)
	case h.Persistent != nil:
		d.checkCommand(at, h.Persistent.Command)
		d.checkIntervals(join(at, "backoff"), h.Persistent.Backoff.InitialInterval, h.Persistent.Backoff.MaxInterval)
	case h.Webhook != nil:
		d.checkWebhook(at, *h.Webhook)
	case h.Forward != nil:
		d.checkListed("brokers", join(at, "broker"), h.Forward.Broker)
		d.checkKnown(join(at, "exchange"), h.Forward.Exchange)
		if h.Forward.Exchange == "" && h.Forward.Key == "" && !d.bad[at] {
			d.complainf(at, "forward has neither exchange nor key, want one of them")
		}
	}
}

// checkGo reports a handler in Go that is not registered, or whose messages come otherwise than h says.
func (d *document) checkGo(at string, h Handler) {
	one, batches := slices.Contains(d.source.Handlers, h.Go), slices.Contains(d.source.Batches, h.Go)
	switch {
	case batches && h.Batch == nil:
		d.complainf(at, "%s handles batches, want batch: {size: 100, wait: 1s} besides go", h.Go)
	case one && h.Batch != nil:
		d.complainf(at, "%s handles one message at a time, want no batch, or a handler that the program registers with runner.GoBatch", h.Go)
	case !one && !batches:
		known := slices.Concat(d.source.Handlers, d.source.Batches)
		hint := Meant(h.Go, known)
		if len(known) == 0 {
			hint = ": this program has registered no handlers"
		}
		d.complainf(at, "go is %q, want the name of a registered handler%s", h.Go, hint)
	}
}

func (d *document) checkEmits(path string, h Handler) {
	at := join(path, "emits")
	d.checkKnown(join(at, "exchange"), h.Emits.Exchange)
	d.checkListed("codecs", join(at, "codec"), h.Emits.Codec)
	switch h.Kind() {
	case "exec", "webhook":
	case "persistent":
		if h.Emits.MaxBytes != 0 {
			d.complainf(join(at, "max_bytes"), "max_bytes is set, want max_answer_bytes of persistent instead")
		}
	default:
		d.complainf(keyOf(at), "the handler has emits, want it only with exec, persistent or webhook")
	}
}

func (d *document) checkReplies(path string, h Handler) {
	at := join(path, "replies")
	kind := h.Kind()
	switch kind {
	case "exec", "webhook":
		if h.Emits != nil {
			d.complainf(keyOf(at), "the handler has emits and replies, want one of them with %s: both use its output", kind)
		}
	case "persistent":
		if h.Replies.MaxBytes != 0 {
			d.complainf(join(at, "max_bytes"), "max_bytes is set, want max_answer_bytes of persistent instead")
		}
	case "go":
		d.complainf(keyOf(at), "the handler has replies, want it only with exec, persistent or webhook: a handler in Go is made by handler.Replies")
	default:
		d.complainf(keyOf(at), "the handler has replies, want it only with exec, persistent or webhook")
	}
	if h.Replies.ContentType != "" && (kind == "persistent" || kind == "webhook") {
		d.complainf(join(at, "content_type"), "content_type is set, want it only with exec")
	}
}

func (d *document) checkCommand(path string, command []Text) {
	at := join(path, "command")
	if len(command) > 0 && command[0] == "" && !d.bad[at] {
		d.complainf(join(at, "0"), "command begins with an empty text, want a program")
	}
	for i, arg := range command {
		if strings.Contains(string(arg), "\x00") {
			d.complainf(join(at, strconv.Itoa(i)), "%s has a NUL character", last(join(at, strconv.Itoa(i))))
		}
	}
}

func (d *document) checkExitCodes(path string, codes map[int]Verdict) {
	for code := range codes {
		if at := join(join(path, "exit_codes"), strconv.Itoa(code)); code < 0 || code > 255 {
			d.complainf(keyOf(at), "exit_codes has %d, want 0 to 255", code)
		}
	}
}

func (d *document) checkWebhook(path string, w Webhook) {
	seen := make(map[string]bool, len(w.Headers))
	for i, h := range w.Headers {
		at := join(join(path, "headers"), strconv.Itoa(i))
		if d.bad[at] {
			continue
		}
		if name := http.CanonicalHeaderKey(h.Name); seen[name] {
			d.complainf(join(at, "name"), "an earlier header is named %s too, want each header once", name)
		} else {
			seen[name] = true
		}
		d.askJob(at, "Headers[0]", last(at), job.Webhook{Headers: []job.Header{{Name: h.Name, Value: h.Value.Secret}}})
	}
	for i, key := range w.SigningKeys {
		at := join(join(path, "signing_keys"), strconv.Itoa(i))
		if d.bad[at] {
			continue
		}
		d.askJob(at, "SigningKeys[0]", last(at), job.Webhook{SigningKeys: []job.Secret{key.Secret}})
	}
	if w.Source != "" && !w.CloudEvents && d.sound(path, "cloud_events") {
		d.complainf(join(path, "source"), "source is set, want none without cloud_events: true")
	}
	d.checkPair(path, w.CertFile, w.KeyFile)
	if strings.HasPrefix(strings.ToLower(string(w.URL)), "http:") && w.CAFile+w.CertFile != "" {
		d.complainf(join(path, "url"), "url is http, want https with ca_file, cert_file and key_file")
	}
}

// askJob adds the faults that package job reports for one part of a webhook.
func (d *document) askJob(path, field, name string, w job.Webhook) {
	w.URL = "https://example.com"
	if err := w.Validate(); err != nil {
		_, text, _ := strings.Cut(oneLine(err), field)
		d.complainf(path, "%s%s", name, text)
	}
}

// checkPair checks that a certificate and its key are set together.
func (d *document) checkPair(path, cert, key string) {
	switch {
	case !d.sound(path, "cert_file", "key_file"):
	case cert != "" && key == "":
		d.complainf(join(path, "cert_file"), "cert_file is set and key_file is missing, want both or neither")
	case cert == "" && key != "":
		d.complainf(join(path, "key_file"), "key_file is set and cert_file is missing, want both or neither")
	}
}
