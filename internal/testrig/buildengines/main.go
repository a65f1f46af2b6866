// Command buildengines builds the engines that the tests run besides the
// terraform on PATH, into the test cache. Where one is there already it does
// nothing. One that cannot be built is no error: the tests that want it say
// that they went without.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/tfops/tfops/internal/testrig"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	for _, b := range testrig.BuiltEngines() {
		if _, ok := b.Cached(); ok {
			continue
		}
		fmt.Printf("building %s for the tests: once, one to four minutes\n", b)
		started := time.Now()
		path, err := b.Build(ctx, ".")
		if ctx.Err() != nil {
			os.Exit(1)
		}
		if err != nil {
			fmt.Printf("not built: %v\n", err)
			continue
		}
		fmt.Printf("built %s in %s\n", path, time.Since(started).Round(time.Second))
	}
}
