// Schemas writes the JSON Schemas of the objects in the Helm chart, which the tests validate
// them with. It reads the modules k8s.io/kubernetes and github.com/kedacore/keda/v2 from the module
// cache:
//
//	go run ./deploy/internal/schemas KUBERNETES KEDA > deploy/testdata/schemas.json
//
// The arguments are the folders of the modules. Descriptions are left out, and unknown fields are
// not allowed.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	reference = "#/definitions/"
	metadata  = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
)

// builtin are the definitions of the kinds of Kubernetes.
var builtin = map[string]string{
	"v1 ConfigMap":                       "io.k8s.api.core.v1.ConfigMap",
	"v1 Service":                         "io.k8s.api.core.v1.Service",
	"apps/v1 Deployment":                 "io.k8s.api.apps.v1.Deployment",
	"policy/v1 PodDisruptionBudget":      "io.k8s.api.policy.v1.PodDisruptionBudget",
	"networking.k8s.io/v1 NetworkPolicy": "io.k8s.api.networking.v1.NetworkPolicy",
}

// special are types that the definitions of Kubernetes describe too narrowly.
var special = map[string]any{
	"io.k8s.apimachinery.pkg.util.intstr.IntOrString": map[string]any{"type": []any{"integer", "string"}},
	"io.k8s.apimachinery.pkg.api.resource.Quantity":   map[string]any{"type": []any{"number", "string"}},
	"io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1":   map[string]any{"type": "object"},
}

func main() {
	if err := write(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "schemas:", err)
		os.Exit(1)
	}
}

func write(modules []string) error {
	if len(modules) != 2 {
		return errors.New("want the folders of k8s.io/kubernetes and keda")
	}
	keda := filepath.Join(modules[1], "config/crd/bases")
	all, err := collect(modules[0], map[string]string{
		"keda.sh/v1alpha1 ScaledObject":          filepath.Join(keda, "keda.sh_scaledobjects.yaml"),
		"keda.sh/v1alpha1 TriggerAuthentication": filepath.Join(keda, "keda.sh_triggerauthentications.yaml"),
	})
	if err != nil {
		return err
	}
	e := json.NewEncoder(os.Stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(all)
}

// collect returns one schema with the definitions of all kinds.
func collect(kubernetes string, crds map[string]string) (map[string]any, error) {
	text, err := os.ReadFile(filepath.Join(kubernetes, "api/openapi-spec/swagger.json")) //nolint:gosec // the folder is an argument
	if err != nil {
		return nil, err
	}
	var swagger struct {
		Definitions map[string]any `json:"definitions"`
	}
	if err := json.Unmarshal(text, &swagger); err != nil {
		return nil, err
	}
	kinds, definitions := make(map[string]any), make(map[string]any)
	for kind, name := range builtin {
		kinds[kind] = name
		add(definitions, swagger.Definitions, name)
	}
	for kind, file := range crds {
		version, name, _ := strings.Cut(kind, " ")
		schema, err := custom(file, version[strings.LastIndex(version, "/")+1:])
		if err != nil {
			return nil, err
		}
		kinds[kind], definitions[name] = name, schema
	}
	kinds["monitoring.coreos.com/v1 ServiceMonitor"], definitions["ServiceMonitor"] = "ServiceMonitor", monitor()
	return map[string]any{"$schema": "http://json-schema.org/draft-07/schema#", "kinds": kinds, "definitions": definitions}, nil
}

// add copies a definition and the definitions that it refers to.
func add(to, from map[string]any, name string) {
	if to[name] != nil {
		return
	}
	if s, ok := special[name]; ok {
		to[name] = s
		return
	}
	to[name] = true // so that a definition may refer to itself
	to[name] = strict(from[name], func(ref string) { add(to, from, ref) })
}

// custom returns the schema of a custom resource.
func custom(file, version string) (any, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var crd struct {
		Spec struct {
			Versions []struct {
				Name   string
				Schema struct {
					OpenAPIV3Schema map[string]any `yaml:"openAPIV3Schema"`
				}
			}
		}
	}
	if err := yaml.Unmarshal(text, &crd); err != nil {
		return nil, err
	}
	for _, v := range crd.Spec.Versions {
		if v.Name != version {
			continue
		}
		schema := v.Schema.OpenAPIV3Schema
		if properties, ok := schema["properties"].(map[string]any); ok {
			properties["metadata"] = map[string]any{"$ref": reference + metadata}
		}
		return strict(schema, func(string) {}), nil
	}
	return nil, fmt.Errorf("%s has no version %s", file, version)
}

// monitor returns the schema of a ServiceMonitor with the fields that the chart has, since no
// module contains the whole schema.
func monitor() any {
	text := map[string]any{"type": "string"}
	credentials := fields([]any{"key"}, map[string]any{"name": text, "key": text, "optional": map[string]any{"type": "boolean"}})
	endpoint := fields([]any{"port"}, map[string]any{
		"port": text, "path": text, "interval": map[string]any{"type": "string", "pattern": "^([0-9]+(ms|[smhdwy]))+$"},
		"authorization": fields(nil, map[string]any{"type": text, "credentials": credentials}),
	})
	return fields([]any{"metadata", "spec"}, map[string]any{
		"apiVersion": text, "kind": text, "metadata": map[string]any{"$ref": reference + metadata},
		"spec": fields([]any{"selector", "endpoints"}, map[string]any{
			"selector":  map[string]any{"$ref": reference + "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector"},
			"endpoints": map[string]any{"type": "array", "items": endpoint},
		}),
	})
}

// fields returns the schema of an object.
func fields(required []any, properties map[string]any) map[string]any {
	schema := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	if required != nil {
		schema["required"] = required
	}
	return schema
}

// kept are the keywords of a schema that are copied.
var kept = []string{"type", "required", "enum", "pattern", "minimum", "maximum", "minItems", "maxItems", "minLength", "maxLength"}

// strict returns a schema without descriptions and unknown fields. It calls seen with each
// definition that the schema refers to.
func strict(v any, seen func(name string)) any {
	schema, ok := v.(map[string]any)
	if !ok {
		return v
	}
	if ref, ok := schema["$ref"].(string); ok {
		seen(strings.TrimPrefix(ref, reference))
		return map[string]any{"$ref": ref}
	}
	out := make(map[string]any)
	for _, key := range kept {
		if value, ok := schema[key]; ok {
			out[key] = value
		}
	}
	if schema["x-kubernetes-int-or-string"] == true {
		out["type"] = []any{"integer", "string"}
	}
	for _, key := range []string{"items", "additionalProperties"} {
		if value, ok := schema[key]; ok {
			out[key] = strict(value, seen)
		}
	}
	if properties, ok := schema["properties"].(map[string]any); ok {
		fields := make(map[string]any)
		for name, field := range properties {
			fields[name] = strict(field, seen)
		}
		out["properties"] = fields
		if schema["x-kubernetes-preserve-unknown-fields"] != true {
			out["additionalProperties"] = false
		}
	}
	return out
}
