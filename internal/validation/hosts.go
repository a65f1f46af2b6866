package validation

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/tfops/tfops/internal/config"
	"github.com/tfops/tfops/internal/hosts"
	"github.com/tfops/tfops/internal/rootmodule"
	"github.com/tfops/tfops/internal/workspace"
)

// need is a host that the engine is going to ask for.
type need struct {
	host string
	port int
	why  string
}

// unlisted warns of hosts that the root modules of a branch need and their workspaces do not list, as far as
// the code tells.
func (x *Expansion) unlisted(cfg *config.Config, b atHand) (found []Problem) {
	for _, d := range x.fleet.Workspaces {
		w := d.Workspace
		if w.Repository != b.repository || w.Branch != b.branch ||
			cfg.Runner.Network.Stricter(w.Network) != workspace.ListedNetwork {
			continue
		}
		allowed, err := hosts.ParseAll(w.Hosts)
		if err != nil {
			continue // the file was reported
		}
		m, err := rootmodule.Reader{Tree: b.tree, Tofu: w.Engine == "tofu"}.Read(w.Dir)
		if err != nil {
			continue // it was reported
		}
		for _, n := range needs(m, w, cfg.Engines[w.Engine].CLIConfig != "") {
			name, addr, err := hosts.Host(n.host)
			if err != nil || allowed.AllowsName(name, n.port) || addr.IsValid() && allowed.Names(addr, n.port) ||
				name == "localhost" && slices.ContainsFunc(allowed.Direct(),
					func(e hosts.Endpoint) bool { return e.Port == n.port }) {
				continue
			}
			at := n.host
			if n.port != 443 && n.port != 80 {
				at += ":" + strconv.Itoa(n.port)
			}
			found = append(found, Problem{Severity: "warning", File: x.config.Where(w),
				Summary: fmt.Sprintf("workspace %s may not reach %s, %s", w.Name, at, n.why),
				Detail:  fmt.Sprintf("add %q to its hosts, unless that comes from elsewhere", at)})
		}
	}
	return found
}

// needs are the hosts that a root module names or implies. With a CLI configuration of its own the engine may
// have mirrors, so nothing is said of registries.
func needs(m *rootmodule.Module, w workspace.Workspace, mirrors bool) (all []need) {
	s := m.Settings()
	add := func(host string, port int, why string) {
		if !slices.ContainsFunc(all, func(n need) bool { return n.host == host && n.port == port }) && host != "" {
			all = append(all, need{host, port, why})
		}
	}
	if w.Backend == "" {
		host, port := ofBackend(s)
		add(host, port, "where its state is (backend "+strconv.Quote(s.Backend)+")")
	}
	registry := "registry.terraform.io"
	if w.Engine == "tofu" {
		registry = "registry.opentofu.org"
	}
	for _, source := range s.Sources {
		parts := strings.Split(source, "/")
		switch {
		case mirrors || source == "":
		case len(parts) == 2:
			add(registry, 443, "where provider "+source+" comes from")
		case len(parts) == 3 && parts[0] != "terraform.io":
			host, port := authority(parts[0])
			add(host, port, "where provider "+source+" comes from")
		}
	}
	for _, b := range m.Blocks {
		if b.Type != "module" || rootmodule.IsLocal(b.Text("source")) {
			continue
		}
		host, port := ofSource(b.Text("source"), registry)
		if host != registry || !mirrors {
			add(host, port, "where module "+strings.Join(b.Labels, ".")+" comes from")
		}
	}
	return all
}

// ofBackend is where a state is; "" where that cannot be told.
func ofBackend(s rootmodule.Settings) (host string, port int) {
	text := func(name string) string {
		if s.Body == nil {
			return ""
		}
		content, _, _ := s.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: name}}})
		return rootmodule.Literal(content.Attributes[name])
	}
	switch s.Backend {
	case "http":
		return ofURL(text("address"))
	case "gcs":
		return "storage.googleapis.com", 443
	case "remote", "cloud":
		if name := text("hostname"); name != "" {
			return authority(name)
		}
		return "app.terraform.io", 443
	case "azurerm":
		if account := text("storage_account_name"); account != "" {
			return account + ".blob.core.windows.net", 443
		}
	case "s3":
		content, _, _ := s.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "endpoint"},
			{Name: "endpoints"}}})
		if region := text("region"); region != "" && len(content.Attributes) == 0 {
			return "s3." + region + ".amazonaws.com", 443
		}
		return ofURL(text("endpoint"))
	}
	return "", 0
}

func ofURL(text string) (host string, port int) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return "", 0
	}
	if p, err := strconv.Atoi(u.Port()); err == nil {
		return u.Hostname(), p
	}
	if u.Scheme == "http" {
		return u.Hostname(), 80
	}
	return u.Hostname(), 443
}

func authority(text string) (host string, port int) { return ofURL("https://" + text) }

// ofSource is where a module comes from; "" where that is not a host that is asked by https.
func ofSource(source, registry string) (host string, port int) {
	address, _, _ := strings.Cut(source, "?")
	if forced, rest, ok := strings.Cut(address, "::"); ok {
		if forced != "git" && forced != "hg" {
			return "", 0
		}
		address = rest
	}
	if strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://") {
		return ofURL(address)
	}
	parts := strings.Split(address, "/")
	switch {
	case strings.Contains(address, "://"), strings.Contains(address, "@"):
		return "", 0
	case parts[0] == "github.com", parts[0] == "bitbucket.org", parts[0] == "gitlab.com":
		return parts[0], 443
	case len(parts) == 3, len(parts) > 4 && parts[3] == "": // NAMESPACE/NAME/PROVIDER, perhaps with //DIR
		return registry, 443
	case len(parts) >= 4 && strings.ContainsAny(parts[0], ".:"):
		return authority(parts[0])
	}
	return "", 0
}
