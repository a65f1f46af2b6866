package workspace

import "slices"

// Network says whom the engine of a phase can reach.
type Network string

const (
	OpenNetwork   Network = "open"   // whom the machine can
	ListedNetwork Network = "listed" // the workspace's Hosts, through a proxy that writes down which
	NoNetwork     Network = "none"   // nobody
)

// Networks are all, the strictest last.
var Networks = []Network{OpenNetwork, ListedNetwork, NoNetwork}

// Stricter is the one of two that lets reach less.
func (n Network) Stricter(other Network) Network {
	if slices.Index(Networks, other) > slices.Index(Networks, n) {
		return other
	}
	return n
}

// Closed reports whether the engine has a network of its own.
func (n Network) Closed() bool { return n == ListedNetwork || n == NoNetwork }
