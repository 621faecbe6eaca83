// Package kubernetes derives the values of the Helm chart in deploy/helm from a configuration,
// and renders the chart. The manifests of "runner k8s" and the chart have the same templates.
package kubernetes
