// Package admin implements the HTTP interface of a running runner: health probes, metrics,
// and an API for the operator's commands. It also has the client of that API.
package admin
