// Package access says who asks for something, and how that is known.
package access

// Actor is who asks, and how the daemon knows.
type Actor struct {
	Name string
	Via  string // "socket"
}
