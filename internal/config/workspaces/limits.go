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
	leastCPU    = 0.1
)

// readLimits reads what a block says of what phases may take of the machine.
func readLimits(b decode.Block, s *settings) {
	s.number["tasks"] = b.Number("tasks", leastTasks)
	s.size = fields[int64]{"memory": b.Size("memory", leastMemory), "disk": b.Size("disk", leastDisk),
		"file_size": b.Size("file_size", leastDisk)}
	s.share = fields[float64]{"cpu": b.Share("cpu", leastCPU)}
}

func (s settings) limits() workspace.Limits {
	return workspace.Limits{Memory: s.size["memory"].Val, Tasks: s.number["tasks"].Val, Disk: s.size["disk"].Val,
		CPU: s.share["cpu"].Val, FileSize: s.size["file_size"].Val}
}

// LimitsOf are the limits that a block sets for all workspaces.
func LimitsOf(b decode.Block) workspace.Limits {
	s := settings{number: fields[int]{}}
	readLimits(b, &s)
	return s.limits()
}
