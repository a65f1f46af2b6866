package history

import (
	"container/heap"
	"context"

	"github.com/go-git/go-git/v5/plumbing"
)

// side says from where a commit was reached.
type side uint8

const (
	ofHead side = 1 << iota
	ofBase
	below // of a commit that both have
	both  = ofHead | ofBase
)

// surplus is how many commits of both histories are looked at once nothing else is left: where
// clocks were right none of them matters.
const surplus = 4096

// walk follows the histories of a head and a base at the same time, newest first, until what
// is left is in both.
type walk struct {
	r     Reader
	nodes map[plumbing.Hash]*node
	order []plumbing.Hash // as they were looked at first
	queue queue
	open  int // of the queue: those that are not known to be in both
	root  bool

	missing map[plumbing.Hash]plumbing.Hash // commits that are not there, with one of their children
}

type node struct {
	hash    plumbing.Hash
	sides   side // but for below
	deep    bool // below is among them
	when    int64
	parents []plumbing.Hash
	queued  bool
	seen    bool
}

func newWalk(r Reader) *walk {
	return &walk{r: r, nodes: map[plumbing.Hash]*node{}, missing: map[plumbing.Hash]plumbing.Hash{}}
}

// reach notes that a commit was reached from some sides.
func (w *walk) reach(h plumbing.Hash, from side) {
	n := w.nodes[h]
	if n == nil {
		n = &node{hash: h}
		w.nodes[h] = n
		n.when, n.parents = w.r.links(h)
	}
	sides, deep := n.sides|from&both, n.deep || from&below != 0
	if sides == n.sides && deep == n.deep {
		return
	}
	wasOpen := n.queued && n.sides != both
	n.sides, n.deep = sides, deep
	switch {
	case !n.queued:
		n.queued = true
		heap.Push(&w.queue, n)
		if n.sides != both {
			w.open++
		}
	case wasOpen && n.sides == both:
		w.open--
	}
}

// run walks until only commits of both histories are left, and a surplus of these was looked
// at, too: see the package's comment on clocks.
func (w *walk) run(ctx context.Context, most, surplus int) error {
	apart := 0
	for len(w.queue) > 0 && (w.open > 0 || surplus > 0) {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := heap.Pop(&w.queue).(*node)
		n.queued = false
		if n.sides != both {
			w.open--
			if apart++; apart > 2*most {
				return tooLong()
			}
		} else if w.open == 0 && !w.root {
			surplus--
		}
		if !n.seen {
			n.seen = true
			w.order = append(w.order, n.hash)
		}
		if err := w.pass(n); err != nil {
			return err
		}
	}
	if w.apart() > most {
		return tooLong()
	}
	return nil
}

// pass reaches the parents of a commit.
func (w *walk) pass(n *node) error {
	if !w.r.Has(n.hash) {
		return nil // the remote is a shallow clone: history ends here
	}
	if n.when == unreadable {
		_, err := w.r.Commit(n.hash)
		return err
	}
	if len(n.parents) == 0 && n.sides == ofHead {
		w.root = true // all of the history may look as if it was new: look at all of the base's
	}
	from := n.sides
	if n.sides == both {
		from |= below
	}
	for _, p := range n.parents {
		w.reach(p, from)
		if !w.r.Has(p) {
			w.missing[p] = n.hash
		}
	}
	return nil
}

// apart counts the commits that are in one of the histories alone.
func (w *walk) apart() (n int) {
	for _, h := range w.order {
		if w.nodes[h].sides != both {
			n++
		}
	}
	return n
}

// cut is a commit whose parent is missing, and in one of the histories alone. It takes those
// out that are missing.
func (w *walk) cut() (child string) {
	for h, of := range w.missing {
		if w.nodes[h].sides != both {
			child = of.String()
		}
		w.nodes[h].sides = both
	}
	return child
}

// best are the newest commits that both histories have: what a merge of the two starts from.
// There may be several, and none. Where clocks are wrong, older ones may be among them.
func (w *walk) best() (found []plumbing.Hash) {
	for h, n := range w.nodes {
		if n.sides == both && !n.deep && w.r.Has(h) {
			found = append(found, h)
		}
	}
	return found
}

// queue is ordered by date, the newest first.
type queue []*node

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].when > q[j].when }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(*node)) }
func (q *queue) Pop() any {
	old := *q
	n := old[len(old)-1]
	*q = old[:len(old)-1]
	return n
}
