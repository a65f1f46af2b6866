package term_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/term"
)

func TestTableOnANarrowTerminal(t *testing.T) {
	columns := []term.Column{{Name: "RUN"}, {Name: "SUBJECT", Cut: 8, Drop: 1}, {Name: "PLAN", Drop: 2},
		{Name: "TOOK", Drop: 3}}
	rows := [][]term.Cell{term.Cells("0k1v8m3pq4rs", "Widen the subnet", "1 to add", "1m30s")}
	for width, want := range map[int]string{
		0:  "RUN           SUBJECT           PLAN      TOOK\n0k1v8m3pq4rs  Widen the subnet  1 to add  1m30s\n",
		47: "RUN           SUBJECT           PLAN      TOOK\n0k1v8m3pq4rs  Widen the subnet  1 to add  1m30s\n",
		46: "RUN           SUBJECT          PLAN      TOOK\n0k1v8m3pq4rs  Widen the subn…  1 to add  1m30s\n",
		39: "RUN           SUBJECT   PLAN      TOOK\n0k1v8m3pq4rs  Widen t…  1 to add  1m30s\n",
		38: "RUN           SUBJECT         PLAN\n0k1v8m3pq4rs  Widen the sub…  1 to add\n",
		31: "RUN           SUBJECT\n0k1v8m3pq4rs  Widen the subnet\n",
		21: "RUN\n0k1v8m3pq4rs\n",
		5:  "RUN\n0k1v8m3pq4rs\n", // never cut
	} {
		var out bytes.Buffer
		term.New(&out, &out, term.Options{Width: width}).TableOf(columns, rows)
		if out.String() != want {
			t.Errorf("%d columns:\n%s\nwant:\n%s", width, out.String(), want)
		}
		for _, l := range strings.Split(out.String(), "\n") {
			if n := len([]rune(l)); width > 12 && n > width {
				t.Errorf("%d columns: a line of %d: %q", width, n, l)
			}
		}
	}
}
