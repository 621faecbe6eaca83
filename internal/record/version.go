package record

import "runtime/debug"

// Version is the version of Warren in this program, as the build recorded it;
// "(devel)" when it is built from its own source tree.
func Version() string {
	const path = "github.com/warren-mq/warren"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(devel)"
	}
	for _, dep := range info.Deps {
		if dep.Path == path {
			return dep.Version
		}
	}
	return "(devel)"
}
