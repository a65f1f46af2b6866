package workspace

import (
	"fmt"
	"strconv"
)

// Limits are what a phase may take of the machine; 0 is no limit.
type Limits struct {
	Memory int64 `json:"memory,omitempty"` // bytes of the engine and of all that it started
	Tasks  int   `json:"tasks,omitempty"`  // processes and threads of these
	Disk   int64 `json:"disk,omitempty"`   // bytes that they write and leave

	CPU      float64 `json:"cpu,omitempty"`       // processors
	FileSize int64   `json:"file_size,omitempty"` // bytes in one file
}

// Tightened are the limits with the lower one of each: a workspace may have less than all, never more.
func (l Limits) Tightened(by Limits) Limits {
	return Limits{Memory: lower(l.Memory, by.Memory), Tasks: lower(l.Tasks, by.Tasks), Disk: lower(l.Disk, by.Disk),
		CPU: lower(l.CPU, by.CPU), FileSize: lower(l.FileSize, by.FileSize)}
}

func lower[N int | int64 | float64](a, b N) N {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// Units of sizes, the largest first.
var units = []struct {
	name  string
	bytes int64
}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

// Size is a number of bytes as the configuration has it: in the largest unit in which three digits
// tell it, e.g. "1.5GiB".
func Size(n int64) string {
	for _, u := range units {
		if n >= u.bytes {
			return strconv.FormatFloat(float64(n*10/u.bytes)/10, 'f', -1, 64) + u.name
		}
	}
	return fmt.Sprint(n, "B")
}
