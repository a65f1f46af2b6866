package show

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/term"
)

// A run shows whom its engine spoke to, the refused hosts too, and above its plan those that are new.
func TestNetwork(t *testing.T) {
	r := api.Run{ID: "r", Status: "awaiting_approval", Plan: &api.Plan{NewHosts: []string{"new.example.com"}}}
	r.Network = append(r.Network,
		api.Contact{Phase: "plan", Host: "new.example.com", Port: 443, BytesIn: 3 << 20, BytesOut: 1536},
		api.Contact{Phase: "plan", Host: "evil.example.com", Port: 8443, Refused: "not in hosts"})
	for i := range 20 {
		r.Network = append(r.Network, api.Contact{Phase: "apply", Host: fmt.Sprint("h", i, ".example.com"), Port: 443})
	}
	var out bytes.Buffer
	Run(term.New(&out, &out, term.Options{Width: 200}), r, nil, false)
	for _, want := range []string{"plan: new.example.com:443, 3MiB in, 1.5KiB out",
		"plan: evil.example.com:8443, refused: not in hosts", "and 10 more (-o json)", "New host"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not shown:\n%s", want, out.String())
		}
	}
}
