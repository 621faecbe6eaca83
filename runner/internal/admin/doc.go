// Package admin is the HTTP interface of a running runner: health for orchestrators,
// metrics, and an API for the operator's commands, whose client is here too.
package admin
