package wire

import (
	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/sandbox"
)

// Sandbox shows how engines are shut in; nil where nobody tells, and where that was not found out and
// nobody accepted anything.
func Sandbox(tell func() sandbox.Terms) *api.Sandbox {
	if tell == nil {
		return nil
	}
	t := tell()
	if t.Level == "" && t.Note() == "" {
		return nil
	}
	out := &api.Sandbox{Level: string(t.Level), Text: t.Level.Sentence(), Wanted: string(t.Wanted), Note: t.Note(),
		Lacks: []api.SandboxLack{}}
	for _, l := range t.Lacks {
		out.Lacks = append(out.Lacks, api.SandboxLack{Kind: string(l.Kind), What: l.Sentence(), Next: l.Next()})
	}
	return out
}
