package runner

import (
	"fmt"
	"strings"
)

// String is the diagnostic as the engine prints it, without the frame.
func (d Diagnostic) String() string {
	var b strings.Builder
	severity := "Error"
	if d.Severity == "warning" {
		severity = "Warning"
	}
	fmt.Fprintf(&b, "%s: %s", severity, d.Summary)
	if d.File != "" {
		fmt.Fprintf(&b, "\n\n  on %s line %d", d.File, d.Line)
		if d.Context != "" {
			fmt.Fprintf(&b, ", in %s", d.Context)
		}
		if d.Snippet != "" {
			fmt.Fprintf(&b, ":\n  %4d: %s", d.Line, d.Snippet)
		}
	} else if d.Address != "" {
		fmt.Fprintf(&b, "\n\n  with %s", d.Address)
	}
	if d.Detail != "" {
		b.WriteString("\n\n" + d.Detail)
	}
	return b.String()
}
