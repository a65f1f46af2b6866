package cell

// Capable calls fn on the thread that may make namespaces and mounts, and waits for it.
func Capable(fn func() error) error { return mounting(fn) }
