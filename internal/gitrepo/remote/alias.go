package remote

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/kevinburke/ssh_config"

	"github.com/tfops/tfops/internal/fault"
)

// maxSSHConfig bounds what is read of ~/.ssh/config, in bytes.
const maxSSHConfig = 1 << 20

// unknownHost is the fault for an ssh host that has no address. It may be an
// alias of somebody's ~/.ssh/config: tfops never follows that file, since what
// it says belongs to a person and not to the daemon, but it can tell what to
// write instead.
func (r Remote) unknownHost(at Address, err error) error {
	host := at.Hostname()
	config, ok := readSSHConfig()
	real := ""
	if ok {
		real = lookUp(config, host, "HostName")
	}
	switch {
	case real != "" && !strings.EqualFold(real, host):
		return fault.New(fault.Invalid, r.instead(config, at, real),
			"repository %q: %s is an alias of ~/.ssh/config, which tfops does not read", r.Name, host)
	case !strings.Contains(host, "."):
		return fault.New(fault.Invalid,
			"write the host's whole name; if it is an alias of somebody's ~/.ssh/config, write what stands there as "+
				"HostName, User and Port, and the key as ssh_key in the auth block",
			"repository %q: there is no host %s: %w", r.Name, host, r.Redact(err))
	}
	return err
}

// instead is what to write in the place of an alias.
func (r Remote) instead(config *ssh_config.Config, at Address, host string) string {
	alias := at.Hostname()
	user := at.User
	if named := lookUp(config, alias, "User"); named != "" &&
		(user == "" || user == "git" && !strings.Contains(r.URL, "git@")) {
		user = named
	}
	if port := lookUp(config, alias, "Port"); port != "" && port != "22" && at.Host == alias {
		host = net.JoinHostPort(host, port)
	}
	say := fmt.Sprintf("write url = %q", "ssh://"+user+"@"+host+"/"+strings.TrimPrefix(at.Path, "/"))
	if key := lookUp(config, alias, "IdentityFile"); key != "" && len(r.Auth.SSHKey) == 0 {
		say += fmt.Sprintf(", and in its auth block ssh_key = file(%q)", strings.Trim(key, `"`))
	}
	for _, way := range []string{"ProxyJump", "ProxyCommand"} {
		if v := lookUp(config, alias, way); v != "" && v != "none" {
			say += "; the alias has a " + way + ", and tfops goes to a host directly: it must be reachable from here"
			break
		}
	}
	return say
}

func readSSHConfig() (config *ssh_config.Config, ok bool) {
	defer func() { // a parser of somebody else's, over a file that anything may stand in
		if recover() != nil {
			config, ok = nil, false
		}
	}()
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, false
	}
	f, err := os.Open(filepath.Join(home, ".ssh", "config"))
	if err != nil {
		return nil, false
	}
	defer f.Close()
	config, err = ssh_config.Decode(io.LimitReader(f, maxSSHConfig))
	return config, err == nil
}

// lookUp is what the file says of a host; empty for nothing.
func lookUp(config *ssh_config.Config, host, name string) (value string) {
	defer func() {
		if recover() != nil {
			value = ""
		}
	}()
	value, err := config.Get(host, name)
	if err != nil {
		return ""
	}
	return FirstLine(strings.ReplaceAll(value, "%h", host))
}
