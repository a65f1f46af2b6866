package inputs

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/tfops/tfops/internal/credentials"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/memfile"
)

// An init, and nothing but an init, is given what private modules and registries are
// fetched with. It lives for as long as that command:
//
//   - Tokens of registries stand in a CLI configuration in memory.
//   - Git is a script before the real one on PATH. It sets whom Git asks for a user and a
//     password, for the hosts that have credentials: this binary, which reads them from a
//     file in memory and answers for what their prefix covers. Git asks anew where it was
//     redirected to, so another host is told nothing.
//   - ssh is this binary, too, which chooses a key by the repository that is asked for,
//     and starts the real one with an agent that holds this key alone.
//
// What lies in the home directory of the daemon's user does not count, unless the
// configuration names the engine's CLI configuration.

// ModuleAccess is all that an init is given. Its directory holds a script and sockets, and no
// secret.
type ModuleAccess struct {
	Dir    string
	Handle *os.File   // of dir: its paths are short and hold no odd character
	At     string     // the path of dir for the engine; "" where there is none
	files  []*os.File // in memory
	exe    *os.File   // this program
	agents []net.Listener
	Env    map[string]string
}

// Known is what the helpers are told, by a file in memory. It holds no private key.
type Known struct {
	HTTP  []credentials.Credential `json:"http,omitempty"`
	SSH   []credentials.Credential `json:"ssh,omitempty"`         // with the sockets of agents in the place of keys
	Hosts map[string]string        `json:"hosts,omitempty"`       // files of known hosts in memory, by the labels of SSH
	Home  bool                     `json:"home,omitempty"`        // the user's own ssh settings count where no prefix does
	Own   string                   `json:"known_hosts,omitempty"` // the user's file of known hosts
}

// helper is this very binary, whatever lies by now where it was started from.
func (a *ModuleAccess) helper(as, data string) (string, error) {
	if a.exe == nil {
		f, err := os.Open("/proc/self/exe")
		if err != nil {
			return "", err
		}
		a.exe = f
		a.files = append(a.files, f)
	}
	return fmt.Sprintf("%s %s %s %s", memfile.Path(a.exe), AccessCommand, as, data), nil
}

// certificates are Git's settings for a host with a private authority, or one that asks
// for a client certificate.
func (a *ModuleAccess) certificates(c credentials.Credential) (settings []string, err error) {
	texts := []struct {
		setting string
		text    []byte
	}{{"sslCAInfo", c.CA}, {"sslCert", c.ClientCert}, {"sslKey", c.ClientKey}}
	if len(c.CA) > 0 { // Git trusts this file and no other
		texts[0].text = append(append([]byte{}, c.CA...), systemCertificates(a.Env["SSL_CERT_FILE"])...)
	}
	for _, t := range texts {
		if len(t.text) == 0 {
			continue
		}
		f, err := a.memory("tfops-certificate", t.text)
		if err != nil {
			return nil, err
		}
		settings = append(settings, t.setting+"="+memfile.Path(f))
	}
	return settings, nil
}

// systemCertificates are the authorities that the machine trusts, as a file in PEM.
func systemCertificates(named string) []byte {
	for _, path := range []string{named, "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
		"/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"} {
		if b, err := os.ReadFile(path); err == nil {
			return append([]byte("\n"), b...)
		}
	}
	return nil
}

// openSSH serves a key by an agent of its own.
func (a *ModuleAccess) openSSH(k *Known, c credentials.Credential) error {
	hosts, label := c.KnownHosts, k.label(c)
	key, err := rawKey(c)
	if err != nil {
		return err
	}
	c.KnownHosts, c.SSHKey, c.Passphrase = nil, nil, ""
	if len(hosts) > 0 {
		// A file of its own: ssh closes all that it inherits. It is no secret.
		name := fmt.Sprintf("known-hosts-%d", len(k.Hosts))
		if err := os.WriteFile(filepath.Join(a.Dir, name), hosts, 0o600); err != nil {
			return err
		}
		k.Hosts[label] = quotedOption(filepath.Join(a.At, name))
	}
	if key != nil {
		keys := agent.NewKeyring()
		if err := keys.Add(agent.AddedKey{PrivateKey: key}); err != nil {
			return diagnostics.Refuse(job.CauseBadInput, "use a key of another type, for example Ed25519",
				"the ssh key of module_credentials %q cannot be used: %w", c.Prefix.Label(), err)
		}
		c.Agent, err = a.serve(func(conn net.Conn) { _ = agent.ServeAgent(keys, conn) }) // ends with the connection
		if err != nil {
			return err
		}
	}
	k.SSH = append(k.SSH, c)
	return nil
}

// label tells two credentials for one prefix apart.
func (k Known) label(c credentials.Credential) string { return fmt.Sprint(c.Prefix.Label(), c.Own) }

// rawKey is the private key of a credential; nil where an agent has it.
func rawKey(c credentials.Credential) (key any, err error) {
	if len(c.SSHKey) == 0 {
		return nil, nil
	}
	if key, err = ssh.ParseRawPrivateKey(c.SSHKey); c.Passphrase != "" && err != nil {
		key, err = ssh.ParseRawPrivateKeyWithPassphrase(c.SSHKey, []byte(c.Passphrase))
	}
	if err != nil {
		return nil, diagnostics.Refuse(job.CauseBadInput,
			"give the private key as ssh-keygen writes it, and its passphrase if it has one", "the ssh key of "+
				"module_credentials %q cannot be read", c.Prefix.Label())
	}
	return key, nil
}

// serve makes a socket at which somebody answers as an ssh agent, and returns its path for the engine.
func (a *ModuleAccess) serve(answer func(net.Conn)) (path string, err error) {
	name := fmt.Sprintf("%d.sock", len(a.agents))
	l, err := net.Listen("unix", fmt.Sprintf("/proc/self/fd/%d/%s", a.Handle.Fd(), name))
	if err != nil {
		return "", fmt.Errorf("the socket of an ssh agent cannot be made: %w", err)
	}
	a.agents = append(a.agents, l)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				answer(conn)
			}()
		}
	}()
	return filepath.Join(a.At, name), nil
}

// openAgent passes on what an engine of another user asks the user's own agent, which answers no other users.
func (i Init) openAgent(a *ModuleAccess) error {
	real := a.Env["SSH_AUTH_SOCK"]
	if real == "" || i.NewHome == "" {
		return nil
	}
	path, err := a.serve(func(conn net.Conn) {
		to, err := net.Dial("unix", real)
		if err != nil {
			return // ssh says that no agent answers
		}
		defer to.Close()
		go func() {
			_, _ = io.Copy(to, conn)
			_ = to.Close()
		}()
		_, _ = io.Copy(conn, to)
	})
	a.Env["SSH_AUTH_SOCK"] = path
	return err
}

// openRegistries gives tokens in a CLI configuration in memory, which has all that the
// one in force has.
func (a *ModuleAccess) openRegistries(tokens []credentials.Credential) error {
	hosts := map[string]string{}
	for _, c := range tokens {
		if _, ok := hosts[c.Prefix.Label()]; !ok {
			best, _ := credentials.Best(tokens, c.Prefix)
			hosts[c.Prefix.Label()] = best.Token
		}
	}
	if len(hosts) == 0 {
		return nil
	}
	base, err := os.ReadFile(a.Env["TF_CLI_CONFIG_FILE"])
	if err != nil {
		return err
	}
	text, err := WithTokens(base, hosts)
	if err != nil {
		return err
	}
	f, err := a.memory("tfops-cli-config", text)
	if err != nil {
		return err
	}
	a.Env["TF_CLI_CONFIG_FILE"] = memfile.Path(f)
	return nil
}

func (a *ModuleAccess) memory(name string, content []byte) (*os.File, error) {
	f, err := memfile.Sealed(name, content)
	if err == nil {
		a.files = append(a.files, f)
	}
	return f, err
}

func (a *ModuleAccess) Close() {
	for _, l := range a.agents {
		_ = l.Close()
	}
	for _, f := range a.files {
		_ = f.Close()
	}
	if a.Handle != nil {
		_ = a.Handle.Close()
	}
	if a.Dir != "" {
		_ = os.RemoveAll(a.Dir)
	}
}

// lookPath finds a program on a PATH that is not this process's.
func lookPath(name, path string) string {
	for _, dir := range filepath.SplitList(path) {
		at := filepath.Join(dir, name)
		if info, err := os.Stat(at); err == nil && info.Mode().IsRegular() && info.Mode()&fs.FileMode(0o111) != 0 &&
			filepath.IsAbs(at) {
			return at
		}
	}
	return ""
}

// quoted is a text as one word of a shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// Init is the init that is given access to modules.
type Init struct {
	Env         map[string]string // the engine's
	Credentials []credentials.Credential
	HomeCounts  bool   // it uses what lies in the home directory
	Git         bool   // it may fetch modules with Git
	Dir         string // where it may make a directory of its own
	At          string // where the engine sees that directory; "": where this process does
	InPlace     bool   // it sees nothing of this process, and the directory where it lies
	NewHome     string // its home directory, where it runs as another user; empty: as this process does
}

// Open makes what the init is given. The caller closes it. note is what people should know of it.
func (i Init) Open() (_ *ModuleAccess, note string, err error) {
	a := &ModuleAccess{Env: maps.Clone(i.Env)}
	defer func() {
		if err != nil {
			a.Close()
		}
	}()
	if err := a.openRegistries(credentials.Of(i.Credentials, credentials.Registry)); err != nil {
		return nil, "", err
	}
	if !i.HomeCounts && a.Env["NETRC"] == "" {
		a.Env["NETRC"] = os.DevNull // for archives, which the engine fetches by itself
	}
	git := lookPath("git", i.Env["PATH"])
	if git == "" || !i.Git {
		return a, "", nil
	}
	if a.Dir, err = os.MkdirTemp(i.Dir, "access-"); err != nil {
		return nil, "", err
	}
	if a.Handle, err = os.Open(a.Dir); err != nil {
		return nil, "", err
	}
	if a.At = i.At; a.At == "" {
		// Not what is inherited: ssh closes that.
		a.At = fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), a.Handle.Fd())
	}
	if i.InPlace {
		a.At = a.Dir
	}
	if err := i.openAgent(a); err != nil {
		return nil, "", err
	}
	note, err = i.openGit(a, git)
	return a, note, err
}

// openGit puts a script before Git that gives it what it is to use.
func (i Init) openGit(a *ModuleAccess, git string) (note string, err error) {
	k := Known{HTTP: credentials.Of(i.Credentials, credentials.HTTP), Hosts: map[string]string{},
		Home: i.HomeCounts, Own: filepath.Join(cmp.Or(i.NewHome, i.Env["HOME"]), ".ssh", "known_hosts")}
	for _, c := range credentials.Of(i.Credentials, credentials.SSH) {
		if err := a.openSSH(&k, c); err != nil {
			return "", err
		}
	}
	b, err := json.Marshal(k)
	if err != nil {
		return "", err
	}
	f, err := a.memory("tfops-modules", b)
	if err != nil {
		return "", err
	}
	script, note, err := i.gitScript(a, git, k, memfile.Path(f))
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(a.Dir, "git"), []byte(script), 0o700); err != nil {
		return "", err
	}
	a.Env["PATH"] = a.At + ":" + i.Env["PATH"]
	return note, nil
}

// otherUsers makes settings by which Git reads repositories on this machine's disk that are another user's than the
// engine's, as they are nearly always: it is Git that runs then as somebody who has next to nothing.
func (i Init) otherUsers(a *ModuleAccess, home bool) (path string, err error) {
	text := "[safe]\n\tdirectory = *\n"
	if home {
		text = fmt.Sprintf("[include]\n\tpath = %q\n%s", filepath.Join(i.NewHome, ".gitconfig"), text)
	}
	return filepath.Join(a.At, "gitconfig"), os.WriteFile(filepath.Join(a.Dir, "gitconfig"), []byte(text), 0o600)
}

func (i Init) gitScript(a *ModuleAccess, git string, k Known, data string) (script, note string, err error) {
	var s strings.Builder
	s.WriteString("#!/bin/sh\n# generated by tfops for one init: Git with what module_credentials give\nexport " +
		"PATH=\"${PATH#*:}\" GIT_TERMINAL_PROMPT=0\n")
	if !k.Home {
		s.WriteString("export HOME=/nonexistent\n")
	}
	if i.NewHome != "" {
		settings, err := i.otherUsers(a, k.Home)
		if err != nil {
			return "", "", err
		}
		s.WriteString("export GIT_CONFIG_GLOBAL=" + quoted(settings) + "\n")
	}
	if len(k.SSH) > 0 || !k.Home || i.NewHome != "" { // ssh starts for no user without a name
		if i.Env["GIT_SSH_COMMAND"] == "" && i.Env["GIT_SSH"] == "" {
			ssh, err := a.helper("ssh", data)
			if err != nil {
				return "", "", err
			}
			fmt.Fprintf(&s, "export GIT_SSH_COMMAND=%s GIT_SSH_VARIANT=ssh\n", quoted(ssh))
		} else if len(k.SSH) > 0 {
			note = "GIT_SSH_COMMAND or GIT_SSH is set in the environment: the ssh keys of module_credentials are " +
				"not used"
		}
	}
	s.WriteString("exec " + quoted(git))
	sites := map[string]bool{}
	for _, c := range k.HTTP {
		site := c.Prefix.Site()
		if c.Password != "" && !sites[site] {
			sites[site] = true
			credential, err := a.helper("credential", data)
			if err != nil {
				return "", "", err
			}
			// An empty helper drops those that were named before.
			for _, setting := range []string{".helper=", ".helper=!" + credential,
				".useHttpPath=true"} {
				s.WriteString(" -c " + quoted("credential."+site+setting))
			}
		}
		settings, err := a.certificates(c)
		if err != nil {
			return "", "", err
		}
		for _, setting := range settings {
			s.WriteString(" -c " + quoted("http."+site+"/."+setting))
		}
	}
	s.WriteString(" \"$@\"\n")
	return s.String(), note, nil
}
