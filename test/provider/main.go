// Command terraform-provider-lab is the provider that the tests of tfops use:
// its world is a directory of JSON files, one per resource, so a test changes
// the world by writing or removing a file, and synchronises with a running
// engine through files instead of waiting for a time to pass.
//
//	provider "lab" { world = "/some/dir" }   # or the environment's LAB_WORLD
//
//	resource "lab_thing" "a" {                # is the file <world>/<name>.json
//	  name   = "a"                            # forces replacement
//	  value  = "x"
//	  secret = "s"                            # sensitive
//	}
//
// lab_hub is what lab_spoke changes in the world; see hub.go.
// lab_box has blocks, a set and a write-only argument; see box.go.
//
// Every change is noted in <world>/journal, so a test sees what was done twice.
// Every operation can be held, slowed, failed, or made deaf to the engine's
// request to stop; see wait. It is a module of its own to keep what it needs
// out of the product's dependencies.
package main

import (
	"log"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
)

func main() {
	go exitWhenOrphaned(os.Getppid())
	err := tf6server.Serve("registry.terraform.io/tfops/lab", func() tfprotov6.ProviderServer {
		return legacy{providerserver.NewProtocol6(&lab{})()}
	})
	if err != nil {
		log.Fatal(err)
	}
}
