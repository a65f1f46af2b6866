package workspaces

import (
	"github.com/tfops/tfops/internal/config/decode"
	"github.com/tfops/tfops/internal/workspace"
)

// What an engine cannot do with less of.
const (
	leastMemory = 64 << 20
	leastTasks  = 32
	leastDisk   = 1 << 20
)

// readLimits reads what a block says of what phases may take of the machine.
func readLimits(b decode.Block, s *settings) {
	s.number["tasks"] = b.Number("tasks", leastTasks)
	s.size = fields[int64]{"memory": b.Size("memory", leastMemory), "disk": b.Size("disk", leastDisk)}
}

func (s settings) limits() workspace.Limits {
	return workspace.Limits{Memory: s.size["memory"].Val, Tasks: s.number["tasks"].Val, Disk: s.size["disk"].Val}
}

// LimitsOf are the limits that a block sets for all workspaces.
func LimitsOf(b decode.Block) workspace.Limits {
	s := settings{number: fields[int]{}}
	readLimits(b, &s)
	return s.limits()
}
