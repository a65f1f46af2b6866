package runner

import (
	"testing"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/diagnostics"
)

func TestRacesOfInitAreTriedAgain(t *testing.T) {
	for _, text := range []string{
		`pq: duplicate key value violates unique constraint "pg_namespace_nspname_index"`,
		`ERROR: duplicate key value violates unique constraint "pg_type_typname_nsp_index" (SQLSTATE 23505)`,
		`pq: schema "terraform_remote_state" already exists`,
		`pq: relation "global_states_id_seq" already exists`,
		`pq: tuple concurrently updated`,
		`pq: deadlock detected`,
	} {
		for _, engine := range []string{"terraform", "tofu"} {
			if f := diagnostics.Explain(engine+" init", nil, "\nError: "+text+"\n"); f.Cause != job.CauseRace ||
				!f.Cause.Transient() || f.Next == "" {
				t.Errorf("%s: %s", text, f.Cause)
			}
			if f := diagnostics.Explain(engine+" plan", nil, "\nError: "+text+"\n"); f.Cause == job.CauseRace {
				t.Errorf("%s of a provider passes by itself", text)
			}
		}
	}
	if f := diagnostics.Explain("terraform init", nil, `Error: duplicate key value violates unique constraint "users_email"`); f.Cause == job.CauseRace {
		t.Error("a provider's own table is no race")
	}
}
