// Package given says what a command of the engine sees and may change: what its workspace was given, and
// nothing else of tfops, of other runs, or of the user that tfops runs as.
package given

import (
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/datafile"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/lazyregexp"
	"github.com/tfops/tfops/internal/runner/backend"
	"github.com/tfops/tfops/internal/runner/ground"
	"github.com/tfops/tfops/internal/runner/mounts"
)

// Command is what a command of the engine works with.
type Command struct {
	Job     job.Job
	Tree    string            // the commit's files
	Env     map[string]string // the engine's
	Engine  string            // its path
	Scratch string            // where the phase's private directories lie
	Backend string            // the settings of the backend that the configuration gives
	Modules string            // of an init: what it is given to fetch modules with, shown at ModulesAt
	Init    bool              // fetches providers and modules
	Cache   string            // of an init: where it puts the providers
	Home    bool              // of an init: what lies in the home directory counts
	InPlace bool              // nothing can be shown elsewhere than it lies: files are given or not
	User    int               // whom the engine runs as, where that is another user than this process's
}

// ModulesAt is where an init finds what it fetches modules with: a short path that holds no odd character.
const ModulesAt = mounts.Room + "/modules"

// Sight is what the command sees. done is called after it.
func (c Command) Sight() (s mounts.Sight, done func() error, err error) {
	if s.Hide, err = c.hidden(); err != nil {
		return s, nil, err
	}
	if s.Shown, err = c.private(); err != nil {
		return s, nil, err
	}
	if c.InPlace {
		s.Hide = append(s.Hide, c.homes()...)
		if err := os.MkdirAll(filepath.Join(c.Scratch, "home"), 0o700); err != nil {
			return s, nil, err
		}
		for _, name := range []string{"tmp", "home"} {
			s.Write = append(s.Write, filepath.Join(c.Scratch, name))
		}
		s.Write = append(s.Write, c.common()...)
		s.Read = append(s.Read, c.listed())
	}
	s.Read = append(s.Read, append(c.machine(), c.Engine, filepath.Join(c.Scratch, "given"))...)
	s.Read = append(s.Read, c.named()...)
	s.Write = append(s.Write, c.Tree)
	s.Read = append(s.Read, c.caches()...)
	if c.Init {
		s.Read, s.Write = append(s.Read, c.fetching()...), append(s.Write, c.Cache)
	}
	s.Read = append(s.Read, c.outside(c.Job.Cell.Read)...)
	s.Write = append(s.Write, c.outside(c.Job.Cell.Write)...)
	if c.Modules != "" {
		s.Shown = append(s.Shown, mounts.Shown{At: ModulesAt, From: c.Modules})
	}
	local := backend.LocalPlaces(c.Backend)
	if c.writesState() {
		for _, dir := range local { // as the engine would
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return s, nil, err
			}
		}
		s.Write = append(s.Write, local...)
	} else {
		s.Read = append(s.Read, local...)
	}
	if err := c.hideSockets(&s); err != nil {
		return s, nil, err
	}
	state, done, err := c.state() // at the end: what it makes is taken away by done
	if err != nil {
		return s, nil, err
	}
	s.Shown = append(s.Shown, state...)
	done, err = c.finish(s, done)
	return s, done, err
}

// finish does what it takes besides where nothing is mounted, and where the engine is another user.
func (c Command) finish(s mounts.Sight, done func() error) (func() error, error) {
	var err error
	if c.InPlace {
		err = c.furnishHome()
	}
	if err == nil && c.User != 0 {
		var back func() error
		if back, err = c.handOver(s); err == nil {
			return func() error { return errors.Join(back(), done()) }, nil
		}
	}
	if err != nil {
		return nil, errors.Join(err, done())
	}
	return done, nil
}

// lookups are sockets by which programs learn the names of users and hosts, and nothing else.
var lookups = []string{"/run/nscd/socket", "/run/systemd/resolve", "/var/lib/sss/pipes/nss"}

// hideSockets hides the programs of the machine that serve at a path which was not given. Rules know nothing of that.
func (c Command) hideSockets(s *mounts.Sight) error {
	if c.InPlace {
		return nil
	}
	all, err := mounts.Sockets()
	if err != nil {
		return err
	}
	given := slices.Concat(lookups, c.Job.Cell.Read, c.Job.Cell.Write, []string{c.Tree})
	if c.Init {
		given = append(given, c.Env["SSH_AUTH_SOCK"])
	}
	for _, path := range all {
		if !slices.ContainsFunc(given, func(dir string) bool {
			real, err := filepath.EvalSymlinks(dir)
			return within(path, filepath.Clean(dir)) || err == nil && within(path, real)
		}) {
			s.Hide = append(s.Hide, path)
		}
	}
	return nil
}

// outside leaves out what tfops keeps: nothing of the configuration gives that to an engine.
func (c Command) outside(paths []string) []string {
	data := DataDir(c.Job)
	return slices.DeleteFunc(slices.Clone(paths), func(path string) bool { return within(path, data) })
}

// Keeps reports whether what the command writes to a path is there after it. Much of what can be written in a room
// ends with the phase.
func (c Command) Keeps(path string) bool {
	for _, dir := range append(backend.LocalPlaces(c.Backend), c.Job.Cell.Write...) {
		real, err := filepath.EvalSymlinks(dir)
		if within(filepath.Clean(path), filepath.Clean(dir)) || err == nil && within(filepath.Clean(path), real) {
			return true
		}
	}
	return false
}

// DataDir is the directory of all that tfops keeps.
func DataDir(j job.Job) string {
	if j.Cell.DataDir != "" {
		return j.Cell.DataDir
	}
	return filepath.Dir(j.CacheDir) // as in every data directory
}

// homes are the home directories of the user that tfops runs as, and of its engines.
func (c Command) homes() []string {
	dirs := []string{os.Getenv("HOME"), c.Env["HOME"]}
	if u, err := user.LookupId(userID()); err == nil {
		dirs = append(dirs, u.HomeDir)
	}
	return dirs
}

// rootsOwn are what root alone can read, or change, of a machine, and what other programs of root keep there.
var rootsOwn = []string{"/root", "/home", "/boot", "/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-",
	"/etc/ssl/private", "/etc/sudoers", "/etc/sudoers.d", "/etc/kubernetes", "/etc/rancher", "/var/backups",
	"/var/spool", "/var/lib/docker", "/var/lib/containerd", "/var/lib/kubelet", "/var/lib/etcd", "/var/lib/mysql",
	"/var/lib/postgresql", "/var/lib/systemd", "/sys/firmware", "/sys/kernel/debug", "/sys/kernel/tracing",
	"/sys/kernel/security"}

// hidden is what the command does not see.
func (c Command) hidden() ([]string, error) {
	data := DataDir(c.Job)
	hide := append([]string{data}, c.Job.Cell.Hide...)
	for _, dir := range slices.Concat(hide, c.homes()) { // what is mounted there may be mounted elsewhere, too
		real, err := filepath.EvalSymlinks(dir)
		if err != nil || real == "/" {
			continue
		}
		below, err := mounts.Below(real)
		if err != nil {
			return nil, err
		}
		for _, at := range below {
			if !within(at, c.Tree) {
				hide = append(hide, at)
			}
		}
	}
	hide = append(hide, "/run")
	// A part of the data directory may lie on another disk.
	if entries, err := os.ReadDir(data); err == nil {
		for _, e := range entries {
			if e.Type()&os.ModeSymlink != 0 {
				hide = append(hide, filepath.Join(data, e.Name()))
			}
		}
	}
	if os.Getuid() == 0 {
		hide = append(hide, rootsOwn...)
		keys, _ := filepath.Glob("/etc/ssh/ssh_host_*_key") // of a pattern that is right
		hide = append(hide, keys...)
	}
	return hide, nil
}

// private are directories of the phase in the place of those that everybody writes to.
func (c Command) private() (all []mounts.Shown, err error) {
	places := []struct{ at, name string }{{"/tmp", "tmp"}, {"/var/tmp", "var-tmp"}, {c.Env["TMPDIR"], "tmpdir"}}
	data := DataDir(c.Job)
	for _, home := range c.homes() {
		if within(home, data) { // a service's user may live in there
			continue
		}
		places = append(places, struct{ at, name string }{home, "home"})
	}
	for _, p := range places {
		if info, err := os.Stat(p.at); err != nil || !info.IsDir() || !filepath.IsAbs(p.at) || p.at == "/" {
			continue
		}
		from := filepath.Join(c.Scratch, p.name)
		if err := os.MkdirAll(from, 0o700); err != nil {
			return nil, err
		}
		all = append(all, mounts.Shown{At: p.at, From: from, Write: true})
	}
	return all, nil
}

// common are the directories that everybody writes to. Without mounts there is no other one to put in their place.
func (c Command) common() []string {
	return slices.DeleteFunc([]string{"/tmp", "/var/tmp"}, func(dir string) bool {
		return within(DataDir(c.Job), dir) || slices.ContainsFunc(c.Job.Cell.Hide, func(h string) bool {
			return within(h, dir)
		}) || slices.ContainsFunc(c.homes(), func(h string) bool { return within(h, dir) })
	})
}

// machine is what programs need of what is hidden: how names are resolved, and the programs themselves.
func (c Command) machine() []string {
	all := []string{"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/localtime", "/run/systemd/resolve",
		"/run/resolvconf", "/run/NetworkManager/resolv.conf", "/run/NetworkManager/no-stub-resolv.conf",
		"/run/connman", "/run/nscd"}
	data := DataDir(c.Job)
	for _, dir := range filepath.SplitList(c.Env["PATH"]) {
		if filepath.IsAbs(dir) && !within(dir, data) && !within(data, dir) && !c.holdsConfiguration(dir) {
			all = append(all, dir)
		}
	}
	return all
}

// holdsConfiguration reports whether what is hidden of the configuration lies in a directory. A directory of programs
// that lies beside the configuration does not hold it.
func (c Command) holdsConfiguration(dir string) bool {
	return slices.ContainsFunc(c.Job.Cell.Hide, func(hidden string) bool { return within(hidden, dir) })
}

// naming are the variables by which programs are told of files: what such a variable of the engine names, the
// workspace was given with it.
var naming = []string{"AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE",
	"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_CA_BUNDLE", "GOOGLE_APPLICATION_CREDENTIALS",
	"GOOGLE_CREDENTIALS", "GOOGLE_BACKEND_CREDENTIALS", "CLOUDSDK_CONFIG", "KUBECONFIG", "KUBE_CONFIG_PATH",
	"KUBE_CONFIG_PATHS", "AZURE_CONFIG_DIR", "ARM_CLIENT_CERTIFICATE_PATH", "ARM_OIDC_TOKEN_FILE_PATH",
	"AZURE_FEDERATED_TOKEN_FILE", "SSL_CERT_FILE", "SSL_CERT_DIR", "TF_CLI_CONFIG_FILE", "TERRAFORM_CONFIG",
	"OCI_CLI_CONFIG_FILE", "VAULT_CACERT", "VAULT_CAPATH", "PGPASSFILE", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY",
	"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO", "NETRC"}

// quotedPath is an absolute path in a CLI configuration.
var quotedPath = lazyregexp.New(`"(/[^"\n]+)"`)

// named are the files that the engine's variables name, and those that its CLI configuration does: mirrors of
// providers, and providers in development.
func (c Command) named() []string {
	var all []string
	data := DataDir(c.Job)
	for _, name := range naming {
		for _, path := range filepath.SplitList(c.Env[name]) {
			if filepath.IsAbs(path) && path != "/" && !within(data, path) && !strings.HasPrefix(path, "/proc/") {
				all = append(all, path)
			}
		}
	}
	return append(all, c.quoted()...)
}

// quoted are the paths in the engine's CLI configuration.
func (c Command) quoted() (all []string) {
	b, err := datafile.ReadLinked(c.Env["TF_CLI_CONFIG_FILE"], datafile.Record)
	if err != nil {
		return nil
	}
	for _, m := range quotedPath().FindAllSubmatch(b, -1) {
		if path := string(m[1]); !within(DataDir(c.Job), path) {
			all = append(all, path)
		}
	}
	return all
}

// caches are where providers lie that several workspaces use. No engine writes there.
func (c Command) caches() []string {
	return []string{filepath.Join(c.Job.CacheDir, "providers"), ground.NamedCache(c.Env)}
}

// credentials are where programs keep what they sign in with, in a home directory.
var credentials = []string{".aws", ".azure", ".config/gcloud", ".kube", ".oci", ".config/openstack", ".config/doctl",
	".config/hcloud", ".vault-token"}

// Withheld are the credentials in the home directory of the user that tfops runs as which the command was not given,
// as a configuration names them.
func (c Command) Withheld() (paths []string) {
	home := os.Getenv("HOME")
	if !filepath.IsAbs(home) {
		return nil
	}
	for _, name := range credentials {
		path := filepath.Join(home, filepath.FromSlash(name))
		if _, err := os.Stat(path); err != nil {
			continue
		}
		given := slices.ContainsFunc(slices.Concat(c.Job.Cell.Read, c.Job.Cell.Write),
			func(dir string) bool { return within(path, dir) || within(dir, path) })
		if !given {
			paths = append(paths, "~/"+name)
		}
	}
	return paths
}

// homeFiles are what Git, ssh and the engine read in a home directory.
var homeFiles = []string{".ssh", ".gitconfig", ".config/git", ".git-credentials", ".netrc", ".terraformrc",
	".tofurc", ".terraform.d", ".config/opentofu"}

// fetching is what an init fetches modules with.
func (c Command) fetching() []string {
	program, _ := os.Executable() // which answers for Git and ssh
	all := []string{program, c.Env["SSH_AUTH_SOCK"], filepath.Join(c.Env["HOME"], ".ssh", "known_hosts")}
	if c.Home {
		for _, name := range homeFiles {
			all = append(all, filepath.Join(c.Env["HOME"], filepath.FromSlash(name)))
		}
	}
	return all
}

// within reports whether a path is a directory or lies in it.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}
