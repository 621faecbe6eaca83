package celery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

// TaskError is the error of a broker.Call whose task has no result, because it failed or will be
// tried again by Celery. It is permanent.
type TaskError struct {
	Status  string // FAILURE, RETRY, REVOKED or another state of Celery but SUCCESS
	Type    string // the type of the exception, such as ValueError; empty if there is none
	Message string // the arguments of the exception
}

// Error returns the state, the type of the exception and its message.
func (e *TaskError) Error() string {
	parts := []string{"celery: the task has no result, its state is " + e.Status, e.Type, e.Message}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ": ")
}

// Permanent returns true: another decoding has the same result.
func (e *TaskError) Permanent() bool { return true }

// OpenMessage returns the result in m, which a Celery worker with the backend rpc:// has sent, and
// a codec for it. The error is a *TaskError if the task has no result, or a *handler.DecodeError.
func (*TaskCodec) OpenMessage(_ context.Context, m *message.Message) (*message.Message, handler.Codec, error) {
	var result struct {
		Status *string         `json:"status"`
		Result json.RawMessage `json:"result"`
	}
	err := json.Unmarshal(m.Body, &result)
	if err == nil && result.Status == nil {
		err = errors.New("celery: the reply has no status, want a result of Celery's backend rpc://")
	}
	if err != nil {
		return nil, nil, &handler.DecodeError{ContentType: m.ContentType, ContentEncoding: m.ContentEncoding, Err: err}
	}
	if *result.Status != "SUCCESS" {
		return nil, nil, taskError(*result.Status, result.Result)
	}
	opened := *m
	opened.Body, opened.ContentEncoding = result.Result, ""
	if len(opened.Body) == 0 {
		opened.Body = []byte("null")
	}
	return &opened, handler.JSON(), nil
}

// taskError returns the error for a state and the exception that Celery has stored for it.
func taskError(status string, exception json.RawMessage) *TaskError {
	var e struct {
		Type    string `json:"exc_type"`
		Message any    `json:"exc_message"`
	}
	failed := &TaskError{Status: status}
	if json.Unmarshal(exception, &e) != nil || e.Message == nil {
		failed.Type = e.Type
		return failed
	}
	parts, isList := e.Message.([]any)
	if !isList {
		parts = []any{e.Message}
	}
	texts := make([]string, len(parts))
	for i, one := range parts {
		texts[i] = fmt.Sprint(one)
	}
	failed.Type, failed.Message = e.Type, strings.Join(texts, ", ")
	return failed
}
