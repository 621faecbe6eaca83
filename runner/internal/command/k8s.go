package command

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/kubernetes"
)

func (p *Program) k8sCommand() *cobra.Command {
	var f k8sFlags
	c := &cobra.Command{
		Use: "k8s", Short: "Generate manifests for Kubernetes, or a Helm chart", Args: exactly(0),
		Long: `Generate manifests for Kubernetes, or a Helm chart, from the configuration.

The configuration file becomes a ConfigMap. Its variables, and its files of secrets and
certificates, come from a Secret that must exist: the keys are the names of the variables and
of the files. The command reads neither, and does not connect.

The Deployment has probes, and a grace period that fits the setting grace. There are also a
PodDisruptionBudget and a NetworkPolicy, a ServiceMonitor unless admin.listen is on loopback, and
a ScaledObject of KEDA for the queues whose broker has a management_url.`,
		RunE: func(*cobra.Command, []string) error { return p.k8s(f) },
	}
	f.add(c.Flags())
	return c
}

// k8sFlags holds the flags of k8s.
type k8sFlags struct {
	kubernetes.Options

	kind, dir string
}

func (o *k8sFlags) add(f *pflag.FlagSet) {
	f.StringVar(&o.kind, "kind", "manifests", "what to generate: `manifests` on stdout, or helm, a chart in --dir")
	f.StringVar(&o.dir, "dir", "warren", "the `folder` of the chart, which must not exist")
	f.StringVar(&o.Name, "name", "warren-runner", "the `name` of all objects; of a chart, the release has the name")
	f.StringVar(&o.Namespace, "namespace", "default", "the `namespace` of all objects")
	f.StringVar(&o.Image, "image", defaultImage(record.Version()), "the `image`, see deploy/Dockerfile")
	f.StringVar(&o.Program, "program", "/runner", "the `path` of the program in the image")
	f.StringVar(&o.Secret, "secret", "warren-runner", "the `name` of the Secret")
	f.IntVar(&o.Replicas, "replicas", 2, "the number of pods, without KEDA")
	f.IntVar(&o.Max, "max-replicas", 10, "the highest number of pods, with KEDA")
	f.StringVar(&o.VHost, "vhost", "/", "the virtual `host` of the queues, for KEDA")
}

func (p *Program) k8s(f k8sFlags) error {
	if f.kind != "manifests" && f.kind != "helm" {
		return usage(fmt.Errorf("runner: --kind is %q, want manifests or helm", f.kind))
	}
	v, err := p.k8sValues(f.Options)
	if err != nil {
		return err
	}
	if f.kind == "helm" {
		return p.writeChart(f.dir, v)
	}
	text, err := kubernetes.Manifests(v, f.Options)
	if err == nil {
		_, err = p.Stdout.Write(text)
	}
	return err
}

// defaultImage returns the image of a release.
func defaultImage(version string) string {
	if !releaseVersion.MatchString(version) {
		version = "latest"
	}
	return "warren-runner:" + version
}

var releaseVersion = regexp.MustCompile(`^v[0-9.]+$`)

// objectName matches names that all kinds of objects may have.
var objectName = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$`)

// k8sValues returns the values for the configuration, and prints hints.
func (p *Program) k8sValues(o kubernetes.Options) (v kubernetes.Values, err error) {
	for _, name := range []string{o.Name, o.Namespace, o.Secret} {
		if !objectName.MatchString(name) {
			return v, usage(fmt.Errorf("runner: the name is %q, want at most 40 lower-case letters, digits and -, beginning with a letter", name))
		}
	}
	switch {
	case o.Replicas < 1 || o.Max < o.Replicas:
		return v, usage(fmt.Errorf("runner: --replicas is %d and --max-replicas is %d, want 1 or more, and at least as many", o.Replicas, o.Max))
	case len(p.settings.set) > 0 || p.settings.broker != "":
		return v, usage(errors.New("runner: --set and --broker have no effect in a pod, want the settings in the file"))
	}
	s, err := p.source(true)
	if err != nil {
		return v, err
	}
	s.Runnable, s.Elsewhere = true, true
	c, err := config.Load(s)
	if err != nil {
		return v, err
	}
	v, hints, err := kubernetes.Of(c, string(s.Data), o)
	if err != nil {
		return v, &statusError{exitConfig, err}
	}
	for _, hint := range hints {
		p.hintf("runner: k8s: %s", hint)
	}
	return v, nil
}

// writeChart writes the chart with its values into a new folder.
func (p *Program) writeChart(dir string, v kubernetes.Values) error {
	files, err := kubernetes.Chart(v)
	if err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil { //nolint:gosec // no secrets
		return fmt.Errorf("runner: k8s: %w", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "templates"), 0o755); err != nil { //nolint:gosec // no secrets
		return fmt.Errorf("runner: k8s: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := create(filepath.Join(dir, filepath.FromSlash(name)), files[name]); err != nil {
			return err
		}
	}
	p.hintf("Wrote the chart to %s. Try: helm install warren-runner %s", dir, quoted(dir))
	return nil
}
