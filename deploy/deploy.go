// Package deploy contains the Helm chart of a runner. "runner k8s" renders it for a
// configuration. The other files of this folder are for Prometheus, Grafana, Docker and systemd.
package deploy

import (
	"embed"
	"io/fs"
)

//go:embed all:helm/warren
var files embed.FS

// Chart returns the files of the chart. It is safe for concurrent use.
func Chart() fs.FS {
	chart, err := fs.Sub(files, "helm/warren")
	if err != nil {
		panic("deploy: the chart is not embedded: " + err.Error())
	}
	return chart
}
