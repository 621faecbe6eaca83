package deploy_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// object is an object of Kubernetes.
type object map[string]any

// at returns the value at a path of keys and indices, or nil.
func (o object) at(path ...any) any {
	var v any = map[string]any(o)
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}

// objects decodes YAML documents. JSON has the same numbers for integers and other numbers.
func objects(t *testing.T, text string) map[string]object {
	t.Helper()
	all := make(map[string]object)
	d := yaml.NewDecoder(strings.NewReader(text))
	for {
		var o map[string]any // a named type would also be the type of the maps in it
		err := d.Decode(&o)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		kind, _ := o["kind"].(string)
		name, _ := object(o).at("metadata", "name").(string)
		if all[kind] != nil {
			kind += " " + name
		}
		all[kind] = o
	}
}

// generate returns the objects for a configuration.
func generate(t *testing.T, file string, args ...string) map[string]object {
	t.Helper()
	return objects(t, output(t, command(t, append([]string{"k8s", "-q", "-c", file}, args...)...)))
}

// validator validates objects against the schemas of Kubernetes, KEDA and the Prometheus operator.
type validator struct{ schemas map[string]*jsonschema.Schema }

func newValidator(t *testing.T) validator {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(read(t, "testdata/schemas.json")))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schemas.json", doc); err != nil {
		t.Fatal(err)
	}
	v := validator{make(map[string]*jsonschema.Schema)}
	kinds, _ := doc.(map[string]any)["kinds"].(map[string]any)
	for kind, definition := range kinds {
		name, _ := definition.(string)
		if v.schemas[kind], err = c.Compile("schemas.json#/definitions/" + name); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

// validate returns an error if an object does not have the form of its kind.
func (v validator) validate(o object) error {
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	apiVersion, _ := o["apiVersion"].(string)
	kind, _ := o["kind"].(string)
	schema := v.schemas[apiVersion+" "+kind]
	if schema == nil {
		return errors.New("no schema for " + apiVersion + " " + kind)
	}
	return schema.Validate(value)
}

// TestManifestsAreValid validates the objects of three configurations.
func TestManifestsAreValid(t *testing.T) {
	t.Parallel()
	v := newValidator(t)
	for file, want := range map[string][]string{
		"small.yaml":   {"ConfigMap", "Deployment", "NetworkPolicy", "PodDisruptionBudget"},
		"secrets.yaml": {"ConfigMap", "Deployment", "NetworkPolicy", "PodDisruptionBudget", "ScaledObject", "Service", "ServiceMonitor", "TriggerAuthentication"},
		"brokers.yaml": {
			"ConfigMap", "Deployment", "NetworkPolicy", "PodDisruptionBudget", "ScaledObject", "Service", "ServiceMonitor",
			"TriggerAuthentication", "TriggerAuthentication warren-runner-billing-management",
		},
	} {
		all := generate(t, filepath.Join("testdata/k8s", file))
		var kinds []string
		for kind, o := range all {
			kinds = append(kinds, kind)
			if err := v.validate(o); err != nil {
				t.Errorf("%s: %s: %v", file, kind, err)
			}
		}
		slices.Sort(kinds)
		if !slices.Equal(kinds, want) {
			t.Errorf("%s has the objects %q, want %q", file, kinds, want)
		}
		checkPod(t, file, all)
		if got := all["ConfigMap"].at("data", "config.yaml"); got != read(t, filepath.Join("testdata/k8s", file)) {
			t.Errorf("%s: the ConfigMap has the configuration %q", file, got)
		}
	}
}

// TestTheValidatorSeesFaults breaks an object of each kind.
func TestTheValidatorSeesFaults(t *testing.T) {
	t.Parallel()
	v := newValidator(t)
	for kind, o := range generate(t, "testdata/k8s/secrets.yaml") {
		spec, ok := o["spec"].(map[string]any)
		if !ok {
			spec = o
		}
		spec["nonsense"] = true
		if v.validate(o) == nil {
			t.Errorf("%s with an unknown field is valid", kind)
		}
		delete(spec, "nonsense")
		o["metadata"] = "x"
		if v.validate(o) == nil {
			t.Errorf("%s with a text as metadata is valid", kind)
		}
	}
}

// checkPod checks that a pod has no rights, and belongs to the other objects.
func checkPod(t *testing.T, file string, all map[string]object) {
	t.Helper()
	pod, _ := all["Deployment"].at("spec", "template").(map[string]any)
	p := object(pod)
	for path, want := range map[string]any{
		"spec.securityContext.runAsNonRoot": true, "spec.securityContext.runAsUser": 65532,
		"spec.securityContext.seccompProfile.type": "RuntimeDefault", "spec.automountServiceAccountToken": false,
		"spec.containers.0.securityContext.readOnlyRootFilesystem":   true,
		"spec.containers.0.securityContext.allowPrivilegeEscalation": false,
		"spec.containers.0.securityContext.capabilities.drop.0":      "ALL",
	} {
		var steps []any
		for step := range strings.SplitSeq(path, ".") {
			if i, err := strconv.Atoi(step); err == nil {
				steps = append(steps, i)
				continue
			}
			steps = append(steps, step)
		}
		if got := p.at(steps...); got != want {
			t.Errorf("%s: %s is %v, want %v", file, path, got, want)
		}
	}
	labels := p.at("metadata", "labels")
	for _, selector := range []any{
		all["Deployment"].at("spec", "selector", "matchLabels"), all["PodDisruptionBudget"].at("spec", "selector", "matchLabels"),
		all["NetworkPolicy"].at("spec", "podSelector", "matchLabels"), all["Service"].at("spec", "selector"),
	} {
		if selector != nil && !equal(selector, labels) {
			t.Errorf("%s: an object selects %v, and the pods have %v", file, selector, labels)
		}
	}
}

func equal(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// TestManifestsFitTheConfiguration checks what depends on the configuration.
func TestManifestsFitTheConfiguration(t *testing.T) {
	t.Parallel()
	small, secrets, brokers := generate(t, "testdata/k8s/small.yaml"), generate(t, "testdata/k8s/secrets.yaml"), generate(t, "testdata/k8s/brokers.yaml")
	pod := []any{"spec", "template", "spec"}
	container := append(slices.Clone(pod), "containers", 0)
	for what, got := range map[string][2]any{
		"grace of 30s":          {small["Deployment"].at(append(pod, "terminationGracePeriodSeconds")...), 51},
		"grace of 2m":           {secrets["Deployment"].at(append(pod, "terminationGracePeriodSeconds")...), 141},
		"grace none":            {brokers["Deployment"].at(append(pod, "terminationGracePeriodSeconds")...), 21},
		"replicas":              {small["Deployment"].at("spec", "replicas"), 2},
		"replicas with KEDA":    {secrets["Deployment"].at("spec", "replicas"), nil},
		"liveness on loopback":  {small["Deployment"].at(append(container, "livenessProbe", "exec", "command", 1)...), "healthcheck"},
		"liveness":              {secrets["Deployment"].at(append(container, "livenessProbe", "httpGet", "path")...), "/livez"},
		"readiness":             {secrets["Deployment"].at(append(container, "readinessProbe", "httpGet", "path")...), "/readyz"},
		"port":                  {secrets["Deployment"].at(append(container, "ports", 0, "containerPort")...), 9000},
		"cooldown of 40m":       {secrets["ScaledObject"].at("spec", "cooldownPeriod"), 41 * 60},
		"cooldown without":      {brokers["ScaledObject"].at("spec", "cooldownPeriod"), 31 * 60},
		"unacknowledged":        {secrets["ScaledObject"].at("spec", "triggers", 0, "metadata", "excludeUnacknowledged"), "false"},
		"protocol":              {secrets["ScaledObject"].at("spec", "triggers", 0, "metadata", "protocol"), "http"},
		"prefetch of priority":  {secrets["ScaledObject"].at("spec", "triggers", 0, "metadata", "value"), "8"},
		"prefetch":              {brokers["ScaledObject"].at("spec", "triggers", 0, "metadata", "value"), "30"},
		"single active":         {secrets["ScaledObject"].at("spec", "triggers", 1), nil},
		"per process":           {brokers["ScaledObject"].at("spec", "triggers", 2), nil},
		"token of the scrape":   {secrets["ServiceMonitor"].at("spec", "endpoints", 0, "authorization", "credentials", "key"), "metrics-token"},
		"token of both":         {brokers["ServiceMonitor"].at("spec", "endpoints", 0, "authorization", "credentials", "key"), "ADMIN_TOKEN"},
		"ingress on loopback":   {len(list(small["NetworkPolicy"].at("spec", "ingress"))), 0},
		"variables":             {names(secrets["Deployment"].at(append(container, "env")...)), "MAIL_TOKEN RABBITMQ_MANAGEMENT_URL REPORT_ZONE"},
		"variables of commands": {names(brokers["Deployment"].at(append(container, "env")...)), "ADMIN_TOKEN SHIP_KEY SHOP_MANAGEMENT SHOP_PASSWORD SMTP_URL"},
		"folders":               {names(secrets["Deployment"].at(append(pod, "volumes")...)), "config tmp files-0 files-1"},
		"ports":                 {ports(secrets["NetworkPolicy"]), "80 443 5671 5673 8443 15671 15672"},
		"ports of variables":    {ports(brokers["NetworkPolicy"]), "80 443 5671 5672 15671 15672"},
	} {
		if !equal(got[0], got[1]) {
			t.Errorf("%s: got %v, want %v", what, got[0], got[1])
		}
	}
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// names returns the names in a list of objects.
func names(v any) string {
	var all []string
	for _, item := range list(v) {
		m, _ := item.(map[string]any)
		name, _ := m["name"].(string)
		all = append(all, name)
	}
	return strings.Join(all, " ")
}

// ports returns the ports of RabbitMQ and webhooks in a NetworkPolicy.
func ports(o object) string {
	var all []string
	for _, item := range list(o.at("spec", "egress", 1, "ports")) {
		m, _ := item.(map[string]any)
		n, _ := m["port"].(int)
		all = append(all, strconv.Itoa(n))
	}
	return strings.Join(all, " ")
}

// TestChartHasTheDefaultsOfItsConfiguration compares values.yaml with the values that the command
// writes for the configuration in it.
func TestChartHasTheDefaultsOfItsConfiguration(t *testing.T) {
	t.Parallel()
	var values map[string]any
	if err := yaml.Unmarshal([]byte(read(t, "helm/warren/values.yaml")), &values); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text, _ := values["config"].(string)
	chart := filepath.Join(dir, "chart")
	output(t, command(t, "k8s", "-q", "-c", write(t, dir, "config.yaml", text), "--kind", "helm", "--dir", chart, "--image", "warren-runner:latest"))
	var written map[string]any
	if err := yaml.Unmarshal([]byte(read(t, filepath.Join(chart, "values.yaml"))), &written); err != nil {
		t.Fatal(err)
	}
	if !equal(values, written) {
		t.Errorf("values.yaml has\n%v\nand the command writes\n%v", values, written)
	}
	templates, err := filepath.Glob("helm/warren/templates/*.yaml")
	if err != nil || len(templates) < 5 {
		t.Fatalf("%v %v", templates, err)
	}
	for _, file := range append(templates, "helm/warren/Chart.yaml") {
		name := strings.TrimPrefix(file, "helm/warren/")
		if read(t, file) != read(t, filepath.Join(chart, name)) {
			t.Errorf("the command writes another %s", name)
		}
	}
	sameAsHelm(t, chart, generate(t, filepath.Join(dir, "config.yaml"), "--image", "warren-runner:latest"))
}

// sameAsHelm compares the objects with the ones that Helm renders from the chart.
func sameAsHelm(t *testing.T, chart string, want map[string]object) {
	t.Helper()
	helm := os.Getenv("WARREN_HELM")
	if helm == "" {
		t.Log("NOT CHECKED: WARREN_HELM is not set to a helm program, so the chart was rendered by the runner only")
		return
	}
	output(t, exec.CommandContext(t.Context(), helm, "lint", "--strict", chart))
	got := objects(t, output(t, exec.CommandContext(t.Context(), helm, "template", "warren-runner", chart)))
	if !equal(got, want) {
		t.Errorf("helm renders\n%v\nand the runner\n%v", got, want)
	}
}
