// Package network gives the engine of a phase the network that its workspace asks for.
package network

import (
	"encoding/json"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/hosts"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/cell"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/egress"
	"github.com/tfops/tfops/internal/runner/netns"
	"github.com/tfops/tfops/internal/workspace"
)

// Network is what the engine has of one; nil where it has the machine's.
type Network struct {
	space *netns.Network
	proxy *egress.Proxy // nil: there is no way out
}

// Open gives the engine a network of its own, where its workspace asks for that. Where the machine has
// none to give nothing is planned: an open network in its place would be a silent one. env is the engine's: a
// proxy that it names is how the machine reaches the network.
func Open(j job.Job, env map[string]string) (*Network, error) {
	if !j.Network.Closed() {
		return nil, nil
	}
	listed := j.Network == workspace.ListedNetwork
	allowed, err := hosts.ParseAll(j.Hosts)
	if err != nil {
		return nil, diagnostics.Refuse(job.CauseBadInput, "correct `hosts` of the workspace",
			"hosts cannot be read: %w", err)
	}
	n := &Network{}
	var direct []hosts.Endpoint
	if listed {
		n.proxy, direct = egress.New(allowed), allowed.Direct()
		n.proxy.Upstream = egress.Upstream(env)
	}
	if n.space, err = netns.Open(cell.Capable, listed, direct); err != nil {
		return nil, diagnostics.Refuse(job.CauseRunner, "run tfops as root, or where user and network namespaces are "+
			"allowed; or set network = \"open\" if the engine may reach every host",
			"network = %q needs a network namespace, and this machine gives none: %w", j.Network, err)
	}
	if listed {
		go func() { _ = n.proxy.Serve(n.space.Proxy) }() // it ends with the phase
		for _, l := range n.space.Direct {
			go func() { _ = n.proxy.Forward(l, l.Endpoint) }()
		}
	}
	return n, nil
}

// Holds returns an error unless what the calling thread starts has this network: an engine that is started
// by another thread would have the machine's.
func (n *Network) Holds() error {
	if n == nil {
		return nil
	}
	here, err := n.space.Here()
	if err == nil && !here {
		err = errors.New("it would be started outside of its network")
	}
	if err != nil {
		return diagnostics.Refuse(job.CauseRunner, "see `tfops doctor`; it is an error of tfops if that finds nothing",
			"the engine was not started: %w", err)
	}
	return nil
}

// Tell tells the engine, by its environment, how it gets out.
func (n *Network) Tell(env map[string]string) {
	if n != nil && n.proxy != nil {
		maps.Copy(env, egress.Environment(n.space.Port()))
	}
}

// Refused are the hosts that the engine asked for and the workspace does not list.
func (n *Network) Refused() (names []string) {
	if n.proxy == nil {
		return nil
	}
	for _, c := range n.proxy.Ledger.Contacts() {
		if c.Refused == egress.NotListed && len(names) < 5 {
			names = append(names, hostOf(c))
		}
	}
	return names
}

// hostOf is a host as `hosts` has it.
func hostOf(c job.Contact) string {
	if c.Port == 443 || c.Port == 80 || c.Port == 0 {
		return c.Host
	}
	return c.Host + ":" + strconv.Itoa(c.Port)
}

// Close ends the way out, keeps in the phase's directory whom the engine spoke to, and names these hosts. mask
// hides what is secret, note is told what went wrong.
func (n *Network) Close(dir string, mask func(string) string, note func(string)) (names []string) {
	if n == nil {
		return nil
	}
	n.space.Close()
	if n.proxy == nil {
		return nil
	}
	n.proxy.Close()
	all := n.proxy.Ledger.Contacts()
	for i, c := range all {
		all[i].Host = mask(c.Host)
		if name := hostOf(all[i]); c.Refused == "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	b, err := json.Marshal(all)
	if err == nil {
		err = durable.Write(filepath.Join(dir, job.NetworkFile), append(b, '\n'))
	}
	if err != nil {
		note("whom the engine spoke to could not be kept: " + err.Error())
	}
	return names
}
