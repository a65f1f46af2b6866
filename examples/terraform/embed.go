// Package examples holds the example repositories: each directory is one, to
// be copied and pushed as it is. `tfops demo` and the tests use them too.
package examples

import "embed"

// Files are the example repositories, one per directory.
//
//go:embed all:single-module all:shared-module all:directory-per-environment
var Files embed.FS
