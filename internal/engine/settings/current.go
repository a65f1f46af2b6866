package settings

import "sync/atomic"

// Current is what is in force now, for everybody who asks.
type Current struct{ now atomic.Pointer[Settings] }

// Get returns the settings, with the fleet as it was put together last.
func (c *Current) Get() *Settings { return c.now.Load() }

// Set replaces them.
func (c *Current) Set(s *Settings) { c.now.Store(s) }
