package kubernetes

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"text/template"

	"go.yaml.in/yaml/v3"

	"github.com/warren-mq/warren/deploy"
)

// Manifests returns the objects of the chart, as YAML documents.
func Manifests(v Values, o Options) ([]byte, error) {
	values, err := plain(v)
	if err != nil {
		return nil, err
	}
	data := map[string]any{"Values": values, "Release": map[string]any{"Name": o.Name, "Namespace": o.Namespace}}
	names, err := fs.Glob(deploy.Chart(), "templates/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("runner: k8s: %w", err)
	}
	var all bytes.Buffer
	for _, name := range names {
		t, err := template.New(path.Base(name)).Funcs(functions()).Option("missingkey=error").ParseFS(deploy.Chart(), name)
		if err != nil {
			return nil, fmt.Errorf("runner: k8s: %w", err)
		}
		var one strings.Builder
		if err := t.Execute(&one, data); err != nil {
			return nil, fmt.Errorf("runner: k8s: %w", err)
		}
		if text := strings.TrimSpace(one.String()); text != "" {
			all.WriteString("---\n" + text + "\n")
		}
	}
	return all.Bytes(), nil
}

// plain returns the values as templates see them: with the names of YAML.
func plain(v Values) (values map[string]any, err error) {
	text, err := yaml.Marshal(v) //nolint:gosec // the name of a Secret is not secret
	if err == nil {
		err = yaml.Unmarshal(text, &values)
	}
	if err != nil {
		return nil, fmt.Errorf("runner: k8s: %w", err)
	}
	return values, nil
}

// functions returns the functions of Helm that the templates use.
func functions() template.FuncMap {
	return template.FuncMap{
		"quote":   func(v any) string { return fmt.Sprintf("%q", fmt.Sprint(v)) },
		"lower":   strings.ToLower,
		"replace": func(from, to, text string) string { return strings.ReplaceAll(text, from, to) },
		"nindent": func(n int, text string) string {
			indent := "\n" + strings.Repeat(" ", n)
			return indent + strings.ReplaceAll(text, "\n", indent)
		},
		"sha256sum": func(text string) string {
			sum := sha256.Sum256([]byte(text))
			return hex.EncodeToString(sum[:])
		},
		"toYaml": toYAML,
	}
}

func toYAML(v any) (string, error) {
	var b strings.Builder
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	err := e.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// Chart returns the files of the chart with v as its values, by name.
func Chart(v Values) (map[string][]byte, error) {
	files := make(map[string][]byte)
	err := fs.WalkDir(deploy.Chart(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files[name], err = fs.ReadFile(deploy.Chart(), name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("runner: k8s: %w", err)
	}
	text, err := toYAML(v)
	files["values.yaml"] = []byte(text + "\n")
	return files, err
}
