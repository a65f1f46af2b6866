package main

import (
	"os"
	"sync"
	"time"
)

// operations is read-locked by each running operation.
var operations sync.RWMutex

// operation marks one as running until the function it returns is called.
func operation() (done func()) {
	operations.RLock()
	return operations.RUnlock
}

// exitWhenOrphaned ends this process once its engine is gone, as after a kill
// -9, and the operations that run are through: they do finish, as those of
// real providers do, but no test leaves a process behind.
func exitWhenOrphaned(engine int) {
	for range time.Tick(50 * time.Millisecond) {
		if os.Getppid() != engine {
			operations.Lock()
			os.Exit(0)
		}
	}
}
