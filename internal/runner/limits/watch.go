// Package limits holds an engine, with all that it starts, to what it may take of the machine:
// memory, processes and disk. The runner looks at them while a command of the engine runs, and ends
// what takes more.
package limits

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/cell"
	"github.com/tfops/tfops/internal/runner/launch"
	"github.com/tfops/tfops/internal/workspace"
)

// Breach says which limit was broken.
type Breach struct {
	Name    string // of the attribute: "memory", "tasks", "disk"; said
	Allowed string // as the configuration has it
	Took    string
	Killed  bool // the engine itself was killed: what it did last is not known
}

// said is a limit of the runner: what it holds of what the engine says.
const said = "said"

func (b *Breach) Error() string {
	if b.Name == said {
		return fmt.Sprintf("what the engine printed is more than the runner can hold: it took %s of its memory, "+
			"and %s are the most", b.Took, b.Allowed)
	}
	return fmt.Sprintf("the engine went above %s = %s: with all that it started it took %s", b.Name, b.Allowed,
		b.Took)
}

// Next is what to do about it.
func (b *Breach) Next() string {
	if b.Name == said {
		return "see what printed so much: code of the module or of a provider"
	}
	return "see in its log what took so much; raise " + b.Name + " of the runner block, and of the workspace where " +
		"it has one of its own"
}

// Guard watches the engine of one phase.
type Guard struct {
	Limits workspace.Limits
	Dirs   []string // that the phase writes to
	// Gentle is whether the engine is asked to stop before anything of it is killed: an apply is,
	// so that what it is doing comes to an end.
	Gentle bool
	Ask    func()            // asks the engine to stop
	Say    func(text string) // tells whoever reads the log
	Group  *Group            // nil where the machine has none to give

	before  int64 // bytes in Dirs before the phase wrote anything
	counted bool  // whether that is known
	asked   bool
	bounded bool // the engine is held to what the kernel looks after
	tree    tree
	killed  time.Time // when what the engine had started was

	mu     sync.Mutex
	peak   int64
	breach *Breach
}

// How often it looks: a watcher that nothing depends on looks now and then.
const (
	soon   = 2 * time.Millisecond  // until the engine is there
	quick  = 20 * time.Millisecond // where processes are counted, which double faster than memory
	often  = 50 * time.Millisecond
	seldom = 500 * time.Millisecond
	// share of the time that looking at the disk may take
	share = 20
	// what the engine prints takes memory of this process faster than anything else
	listens = 20 * time.Millisecond
)

// Begin prepares the guard of a phase. ask asks the engine to stop, say tells whoever reads the log.
func (g *Guard) Begin(j job.Job, ask func(), say func(text string)) {
	g.Limits, g.Dirs, g.Gentle, g.Ask, g.Say = j.Limits, []string{j.Ground}, j.Phase == job.ApplyPhase, ask, say
	in := os.Getenv(GroupsEnv)
	if in == "" {
		return
	}
	var err error
	if g.Group, err = NewGroup(in, GroupName(j.Run, string(j.Phase)), j.Limits, !g.Gentle); err != nil {
		say("no control group for the engine: " + err.Error())
	}
}

// Close ends what is left of the engine where it has a control group.
func (g *Guard) Close() {
	if g.Group != nil {
		g.Group.Remove()
	}
}

// Pin bounds the processors of what the calling thread starts, where no control group does.
func (g *Guard) Pin() {
	if g.Group == nil {
		pin(g.Limits.CPU)
	}
}

// Watch looks at what this process has started until the function is called that it returns.
func (g *Guard) Watch() (end func()) {
	stop, gone := make(chan struct{}), make(chan struct{})
	if g.Limits.Disk > 0 && !g.counted {
		g.before, g.counted = written(g.Dirs), true
	}
	g.tree, g.bounded = newTree(), false
	go func() {
		defer close(gone)
		g.watch(stop)
	}()
	return func() {
		close(stop)
		<-gone
		if g.Group != nil && g.Broken() == nil { // the kernel may have been faster
			g.mu.Lock()
			g.breach, _ = g.above(Use{})
			g.mu.Unlock()
		}
		if g.Broken() != nil {
			cell.KillDescendants() // what the engine left behind
		}
	}
}

func (g *Guard) watch(stop <-chan struct{}) {
	pace := soon
	var disk, memory int64 // of files
	var nextDisk time.Time
	listening := time.NewTicker(listens)
	defer listening.Stop()
	for t := time.NewTimer(pace); ; t.Reset(pace) {
		if !due(stop, t.C, listening.C) {
			t.Stop()
			return
		}
		u := look(os.Getpid(), 2*g.Limits.Tasks)
		g.bind(u)
		if began := time.Now(); g.Limits.Disk+g.Limits.Memory > 0 && !began.Before(nextDisk) {
			disk, memory = nameless(u.processes)
			if g.Limits.Disk > 0 {
				disk += written(g.Dirs) - g.before
			}
			now := time.Now()
			nextDisk = now.Add(max(4*often, share*now.Sub(began)))
		}
		u.Disk, u.Own = disk, u.Own+memory
		g.saw(u)
		switch {
		case !g.bounded: // it has not begun
		case g.Limits.Tasks > 0:
			pace = quick
		case g.Limits != (workspace.Limits{}):
			pace = often
		case pace < seldom:
			pace *= 2
		}
	}
}

// due waits until it is time to look, or this process holds too much; false: it is over.
func due(stop <-chan struct{}, look, listen <-chan time.Time) bool {
	for {
		select {
		case <-stop:
			return false
		case <-look:
			return true
		case <-listen:
			if own() > held() {
				return true
			}
		}
	}
}

// bind has the kernel hold the engine to what it can, as soon as the engine is there: long before it has read
// any code, and what it starts is held to the same.
func (g *Guard) bind(u Use) {
	if g.Group != nil {
		g.Group.take(u.processes)
	}
	if g.bounded || !g.tree.find(u) {
		return
	}
	g.bounded = true
	if n := uint64(g.Limits.FileSize); n > 0 {
		// It may have ended already.
		_ = unix.Prlimit(g.tree.engine, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: n, Max: n}, nil)
	}
	// Of a user namespace the kernel counts what is in it, this process included; elsewhere all that the user has
	// on the machine. It leaves room for the limit to be exceeded, which says whose fault it is.
	if n := uint64(last * float64(g.Limits.Tasks)); n > 0 && userNamespace() {
		n += spare
		_ = unix.Prlimit(g.tree.engine, unix.RLIMIT_NPROC, &unix.Rlimit{Cur: n, Max: n}, nil)
	}
}

// OfUser are the limits that the kernel is to hold an engine to that runs as a user of its own: of that user it counts
// nobody else. Setting them later takes a capability that containers have not.
func OfUser(l workspace.Limits) (all []launch.Limit) {
	if l.FileSize > 0 {
		all = append(all, launch.Limit{Resource: unix.RLIMIT_FSIZE, Most: uint64(l.FileSize)})
	}
	if n := uint64(last * float64(l.Tasks)); n > 0 {
		all = append(all, launch.Limit{Resource: unix.RLIMIT_NPROC, Most: n})
	}
	return all
}

// spare is how many tasks this process has at most.
const spare = 64

// userNamespace reports whether this process lives in a user namespace of its own.
func userNamespace() bool {
	b, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && len(strings.Fields(string(b))) == 3 && !strings.HasSuffix(strings.TrimSpace(string(b)),
		"4294967295")
}

// saw holds what was seen against the limits.
func (g *Guard) saw(u Use) {
	g.mu.Lock()
	g.peak = max(g.peak, u.Resident)
	g.mu.Unlock()
	b, over := g.above(u)
	if b == nil {
		return
	}
	g.mu.Lock()
	first := g.breach == nil
	if first {
		g.breach = b
	}
	g.mu.Unlock()
	if first {
		g.Say(b.Error())
	}
	if g.Gentle && !g.asked {
		g.asked = true
		g.Say("the engine is asked to stop")
		g.Ask()
	}
	if g.Gentle && over < hard {
		return
	}
	if g.tree.killBelow(u) {
		g.killed = time.Now()
		return // the engine itself says what it had done
	}
	if g.Gentle && over < last || b.Name == "disk" && time.Since(g.killed) < settle {
		return
	}
	g.mu.Lock()
	again := g.breach.Killed
	g.breach.Killed = true
	g.mu.Unlock()
	if !again {
		g.Say("the engine is killed")
	}
	g.tree.kill()
}

// How far above a limit an engine that was asked to stop may go until what it started is killed,
// and until it is itself.
const (
	hard = 1.25
	last = 1.5
)

// settle is how long an engine may take to end once what it had started was killed: what is on the
// disk stays there.
const settle = 10 * time.Second

// above is the limit that was broken, and by how much; nil where none was.
func (g *Guard) above(u Use) (*Breach, float64) {
	l := g.Limits
	if g.Group != nil {
		switch g.Group.broken() {
		case "memory":
			return &Breach{Name: "memory", Allowed: workspace.Size(l.Memory), Took: "all of it"}, hard
		case "tasks":
			return &Breach{Name: "tasks", Allowed: fmt.Sprint(l.Tasks), Took: "as many"}, hard
		}
	}
	if has := own(); has > held() { // it is not only the engine that would be ended
		return &Breach{Name: said, Allowed: workspace.Size(held()), Took: workspace.Size(has)}, last
	}
	switch {
	case l.Memory > 0 && u.Own > l.Memory:
		return &Breach{Name: "memory", Allowed: workspace.Size(l.Memory), Took: workspace.Size(u.Own)},
			float64(u.Own) / float64(l.Memory)
	case l.Tasks > 0 && u.Tasks > l.Tasks:
		return &Breach{Name: "tasks", Allowed: fmt.Sprint(l.Tasks),
				Took: fmt.Sprint(u.Tasks, " processes and threads")},
			float64(u.Tasks) / float64(l.Tasks)
	case l.Disk > 0 && u.Disk > l.Disk:
		return &Breach{Name: "disk", Allowed: workspace.Size(l.Disk), Took: workspace.Size(u.Disk)},
			float64(u.Disk) / float64(l.Disk)
	}
	return nil, 0
}

// Peak is how much memory was taken at once, as far as it was seen.
func (g *Guard) Peak() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.peak
}

// Broken is the limit that was broken first; nil where none was.
func (g *Guard) Broken() *Breach {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.breach == nil {
		return nil
	}
	b := *g.breach
	return &b
}
