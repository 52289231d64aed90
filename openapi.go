// Package hailstone holds what belongs to the whole project and to the build.
package hailstone

import _ "embed"

// OpenAPI is the HTTP contract, openapi.yaml.
//
//go:embed openapi.yaml
var OpenAPI []byte

// Release is the version of this source, in semantic versioning.
const Release = "0.1.0"
