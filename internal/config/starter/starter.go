// Package starter writes the tfops.hcl that "tfops init" begins with: the
// repository, and a workspace for each root module and environment that its
// files tell of. What cannot be known stands in comments.
package starter

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/gitrepo/remote"
	"github.com/tfops/tfops/internal/lazily"
	"github.com/tfops/tfops/internal/workspace"
)

// Info is what a starter is written for.
type Info struct {
	Repository string   // what to call it; empty: made from the URL
	URL        string   // https, ssh or a local path; a user and password in it are left out
	Branch     string   // empty: "main"
	DataDir    string   // empty: "/var/lib/tfops"
	Roots      []string // directories of root modules, as reach.Discover lists them
	Tree       fs.FS    // of the repository, to name var files, variables and environments of each root; nil: they are not named

	LeftOut    map[string]string // why the workspaces of a root are comments, by its directory
	Submodules bool              // root modules call modules that lie in Git submodules
	NoInfer    bool              // what code reads of other states is no order: it would be a circle
}

// File is a commented tfops.hcl: the repository, and a workspace for each
// root module. It loads without a mistake or a warning, if the URL exists and
// there is a root module.
func File(info Info) []byte {
	info = info.complete()
	var b bytes.Buffer
	fmt.Fprintf(&b, head, text(info.DataDir), text(info.Repository), text(info.URL), info.submodules()+authExample(info.URL), text(info.Repository), text(info.Branch), info.order())
	taken := map[string]bool{}
	for _, dir := range info.Roots {
		b.WriteString("\n" + commented(info.LeftOut[dir], info.blocks(dir, taken)))
	}
	if len(info.Roots) == 0 {
		b.WriteString(noWorkspace)
	}
	b.WriteString(tail)
	return b.Bytes()
}

// order says that no order is inferred where that would be a circle.
func (i Info) order() string {
	if !i.NoInfer {
		return ""
	}
	return "\n  # Read off the code, the order of the workspaces would be a circle. Say what\n  # comes first with depends_on.\n  infer_dependencies = false\n"
}

// submodules has those followed where code needs them.
func (i Info) submodules() string {
	if !i.Submodules {
		return ""
	}
	return "\n  # Modules lie in Git submodules. Those on another host need a submodule block each.\n  submodules = true\n"
}

// commented is a block as comments, with the reason; as it is where there is none.
func commented(why, block string) string {
	if why == "" {
		return block
	}
	var out strings.Builder
	for line := range strings.Lines("Left out: " + strings.ReplaceAll(why, "\n", " ") + "\n" + block) {
		out.WriteString(strings.TrimRight("# "+line, " \n") + "\n")
	}
	return out.String()
}

func (i Info) complete() Info {
	if u, err := url.Parse(i.URL); err == nil && u.User != nil {
		user := u.User.Username()
		if u.User = nil; u.Scheme == "ssh" {
			u.User = url.User(user)
		}
		i.URL = u.String()
	}
	if i.Repository == "" {
		i.Repository = strings.TrimSuffix(path.Base(strings.TrimRight(strings.ReplaceAll(i.URL, ":", "/"), "/")), ".git")
	}
	i.Repository = name(i.Repository, "infra")
	if i.Branch == "" {
		i.Branch = "main"
	}
	if i.DataDir == "" {
		i.DataDir = "/var/lib/tfops"
	}
	return i
}

var (
	notInName = lazily.Pattern(`[^A-Za-z0-9._-]+`)
	hyphens   = lazily.Pattern(`-{2,}`)
)

// name makes a valid name of any text.
func name(s, otherwise string) string {
	s = strings.TrimLeft(hyphens().ReplaceAllString(notInName().ReplaceAllString(s, "-"), "-"), "-._")
	s = strings.TrimRight(s, "-.")
	if s = s[:min(len(s), 100)]; !workspace.ValidName().MatchString(s) {
		return otherwise
	}
	return s
}

// workspaceName is the directory's path with hyphens; a number tells apart what
// would be the same.
func workspaceName(info Info, dir string, taken map[string]bool) string {
	base := name(strings.ReplaceAll(dir, "/", "-"), info.Repository)
	n := base
	for i := 2; taken[strings.ToLower(n)]; i++ {
		n = fmt.Sprintf("%s-%d", base, i)
	}
	taken[strings.ToLower(n)] = true
	return n
}

// text is a string as HCL writes it.
func text(s string) string {
	return string(hclwrite.TokensForValue(cty.StringVal(s)).Bytes())
}

func authExample(location string) string {
	switch {
	case strings.HasPrefix(location, "https://"), strings.HasPrefix(location, "http://"):
		return tokenExample
	case strings.HasPrefix(location, "ssh://"), remote.ScpForm().MatchString(location):
		return keyExample
	}
	return ""
}

const head = `# tfops keeps real infrastructure equal to what Git says.
# Check this file with "tfops validate", then start with "tfops serve".

# Where everything lives that tfops remembers. Back it up.
data_dir = %s

repository %s {
  url  = %s
  poll = "30s"
%s}

# What every workspace below has unless it says otherwise.
defaults {
  repository = %s
  branch     = %s
%s
  # manual: an apply waits for an approval.  auto: it does not, unless a rule
  # below asks.  never: plans only.
  apply = "manual"

  # Two other people must approve what destroys something.
  # approval "destructive" {
  #   when    = plan.delete > 0 || plan.replace > 0
  #   require = 2
  # }

  # Every night, look for what was changed behind Terraform's back. With heal it
  # is put back, under the usual approvals.
  # drift {
  #   schedule = "0 2 * * *"
  #   timezone = "UTC"
  #   heal     = true
  # }
}

# One workspace for each root module. One without a backend gets a state that
# tfops keeps in data_dir.
`

const tokenExample = `
  # A private repository: read access is all that tfops needs.
  # auth {
  #   username = "tfops"
  #   password = env("GIT_TOKEN")
  # }
`

const keyExample = `
  # A deploy key that may read, and the host keys that are trusted.
  # auth {
  #   ssh_key     = file("~/.ssh/id_ed25519")
  #   known_hosts = file("~/.ssh/known_hosts")
  # }
`

const noWorkspace = `
# workspace "network-prod" {
#   dir       = "live/prod/network"
#   var_files = ["prod.tfvars"]
#   variables = { region = "eu-west-1" }
# }
`

const tail = `
# Environment variables of tfops that Terraform and its providers see:
# runner {
#   pass_env = ["AWS_*", "HTTPS_PROXY"]
# }

# Whom to tell of plans that wait for approval, of failures and of drift: a
# webhook, mail or a chat. The url holds a secret.
# notify "ops" {
#   url = env("OPS_URL")
# }

# The drift report of every night. A clean night is reported, too.
# report "nightly" {
#   schedule = "0 6 * * *"
#   to       = ["ops"]
# }

# What reports leave out, why and until when. Plans show it all the same.
# ignore "autoscaling" {
#   address    = "**.aws_autoscaling_group.*"
#   attributes = ["desired_capacity"]
#   reason     = "The autoscaler changes it all day."
# }
`
