// Package credentials holds what opens Git hosts and registries to an engine's init,
// and the rule which of several counts for an address.
//
// A credential is given for a prefix. It counts for an address of the same scheme, host
// and port whose path begins with the prefix's, by whole segments: acme is no prefix of
// acme-labs. Of several the longest prefix wins, and of two alike the repository's own.
package credentials

import (
	"cmp"
	"slices"
)

// Credential opens what its prefix covers.
type Credential struct {
	Prefix Prefix `json:"prefix"`
	Own    bool   `json:"own,omitempty"` // of the workspace's repository; otherwise everybody's

	Username string `json:"username,omitempty"` // of http and https
	Password string `json:"password,omitempty"`

	SSHKey     []byte `json:"ssh_key,omitempty"` // PEM
	Passphrase string `json:"passphrase,omitempty"`
	KnownHosts []byte `json:"known_hosts,omitempty"` // nil: those of the machine and the user count
	Agent      string `json:"agent,omitempty"`       // the socket of an agent, in the place of SSHKey

	Token string `json:"token,omitempty"` // of a registry

	CA         []byte `json:"ca,omitempty"` // PEM, of https: trusted for this host besides the system's
	ClientCert []byte `json:"client_cert,omitempty"`
	ClientKey  []byte `json:"client_key,omitempty"`
}

// Secrets are the texts of a credential that nothing may show. A private key is none of
// them: nothing that prints ever sees it.
func (c Credential) Secrets() []string {
	return slices.DeleteFunc([]string{c.Password, c.Token, c.Passphrase}, func(s string) bool { return s == "" })
}

// Best is the credential that counts for an address.
func Best(all []Credential, at Prefix) (best Credential, ok bool) {
	for _, c := range all {
		if c.Prefix.Covers(at) && (!ok || c.before(best)) {
			best, ok = c, true
		}
	}
	return best, ok
}

// before reports whether c wins over d where both cover an address.
func (c Credential) before(d Credential) bool {
	order := cmp.Or(
		cmp.Compare(len(c.Prefix.segments()), len(d.Prefix.segments())),
		cmp.Compare(len(c.Prefix.User), len(d.Prefix.User)),
	)
	return order > 0 || order == 0 && c.Own && !d.Own
}

// Of are the credentials of one kind.
func Of(all []Credential, k Kind) []Credential {
	return slices.DeleteFunc(slices.Clone(all), func(c Credential) bool { return c.Prefix.Kind != k })
}
