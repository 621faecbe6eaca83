package config

import (
	_ "embed"
	"fmt"
	"strings"
	"time"
)

// zoneNames are the names of the time zone database, one a line: package time can load
// a zone, but not list them.
//
//go:embed zones.txt
var zoneNames string

// suggestZone returns ", did you mean …?" for an unknown name of a time zone.
func suggestZone(name string) string {
	if _, err := time.LoadLocation(name); err == nil {
		return ""
	}
	zones := strings.Fields(zoneNames)
	for _, zone := range zones { // such as Rome or europe/rome
		if _, city, _ := strings.Cut(zone, "/"); strings.EqualFold(zone, name) || strings.EqualFold(city, name) {
			return fmt.Sprintf(", did you mean %q?", zone)
		}
	}
	return Meant(name, zones)
}
