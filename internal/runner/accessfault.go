package runner

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/credentials"
	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/inputs"
)

// adviseAccess says of an init that was not let in what would let it in, and of one that
// could not fetch something which files in the home directory it did not use.
func (p *phase) adviseAccess(f *diagnostics.Failure, out *diagnostics.Output) {
	if f.Outcome != job.Failed || f.Cause != job.CauseEngine && f.Cause != job.CauseNetwork {
		return
	}
	text := out.Plain.String()
	for _, d := range diagnostics.ErrorsOf(out.All()) {
		text += "\n" + d.Summary + "\n" + d.Detail
	}
	switch next := p.accessAdvice(text); {
	case next != "" && f.Cause == job.CauseEngine:
		f.Next = next + "; see " + inputs.PrivateModules
	case !inputs.FetchedText().MatchString(text):
		return
	}
	if note := p.unusedNote(inputs.FetchedText().MatchString(text) && !inputs.GitFetch().MatchString(text)); note != "" && f.Next != "" {
		f.Next += ". " + note
	} else if note != "" {
		f.Next = "correct the address, or try again once its host can be reached from this machine. " + note + "; see " + inputs.PrivateModules
	}
}

// unusedNote names what lies in the home directory and was not used, though the init might
// have: a registry is asked by the engine, which reads no file of Git's or of ssh.
func (p *phase) unusedNote(registry bool) string {
	var found []string
	names := inputs.EnginesAtHome
	if !registry {
		names = slices.Concat(names, inputs.AtHome)
	}
	for _, name := range names {
		if durable.Exists(filepath.Join(p.env["HOME"], filepath.FromSlash(name))) {
			found = append(found, "~/"+name)
		}
	}
	if len(found) == 0 || p.homeCounts() {
		return ""
	}
	verb := map[bool]string{true: "is there and was", false: "are there and were"}[len(found) == 1]
	return fmt.Sprintf("%s %s not used: what lies in the home directory counts only with engine %q { cli_config = \"…\" }",
		strings.Join(found, ", "), verb, p.engine.Name)
}

// accessAdvice is what would let an init in of which this is the error; "" where that is
// not what it lacks.
func (p *phase) accessAdvice(text string) string {
	text = diagnostics.OneLine(strings.ReplaceAll(text, "│", "")) // an engine that prints for people breaks lines anywhere
	switch {
	case inputs.HostKeyText().MatchString(text):
		return fmt.Sprintf("tell which key the host has: module_credentials %q { private_key_file = \"…\", known_hosts_file = \"…\" }; `ssh-keyscan HOST` prints the lines, compare them with what the host's owner publishes",
			p.sshLabel(text))
	case inputs.GitUserText().MatchString(text):
		return p.gitAdvice(text)
	case inputs.SshKeyText().MatchString(text):
		if at, ok := p.asked(text, "ssh"); ok {
			if c, ok := credentials.Best(p.secrets.Modules.Credentials, at); ok {
				return fmt.Sprintf("check the key of module_credentials %q: the host does not let it in, or not to this repository", c.Prefix.Label())
			}
		}
		return fmt.Sprintf("give a key that may read the modules: module_credentials %q { private_key_file = \"…\", known_hosts_file = \"…\" }", p.sshLabel(text))
	case inputs.CertificateText().MatchString(text):
		return "have the machine trust the host's authority (SSL_CERT_FILE or the system's certificates); the tls block of a repository counts for modules on its host with modules = \"same_access\""
	case inputs.RegistryText().MatchString(text) && inputs.FetchedText().MatchString(text):
		return p.registryAdvice(text)
	}
	return ""
}

func (p *phase) gitAdvice(text string) string {
	at, known := p.asked(text, "http")
	if c, ok := credentials.Best(credentials.Of(p.secrets.Modules.Credentials, credentials.HTTP), at); known && ok && c.Password != "" {
		return fmt.Sprintf("check the user and password of module_credentials %q: the host does not let them in, or not to this repository", c.Prefix.Label())
	}
	label := "https://HOST/PATH/"
	if known {
		label = at.Label()
	}
	return fmt.Sprintf("give a user and password that may read the modules: module_credentials %q { username = \"…\", password = env(\"…\") }, or a shorter prefix of that address", label)
}

func (p *phase) registryAdvice(text string) string {
	host := "HOST"
	for _, found := range [][]string{inputs.RegistryHost().FindStringSubmatch(text), inputs.ProviderHost().FindStringSubmatch(text)} {
		if found != nil && !strings.HasSuffix(found[1], ".tf") {
			host = found[1]
			break
		}
	}
	at, err := credentials.Parse(host)
	if _, ok := credentials.Best(p.secrets.Modules.Credentials, at); err == nil && ok {
		return fmt.Sprintf("check the token of module_credentials %q: the registry does not let it in, or not to this module or provider", at.Label())
	}
	return fmt.Sprintf("give a token that the registry lets in: module_credentials %q { token = env(\"…\") }", host)
}

// asked is the first address of the kind that a text names.
func (p *phase) asked(text, scheme string) (credentials.Prefix, bool) {
	for _, found := range inputs.QuotedURL().FindAllString(text, -1) {
		at, ok := credentials.Address(strings.TrimRight(found, ":/."))
		if ok && strings.HasPrefix(string(at.Kind), scheme) {
			return at, true
		}
	}
	return credentials.Prefix{}, false
}

// sshLabel is a prefix for the host that ssh complains of.
func (p *phase) sshLabel(text string) string {
	if at, ok := p.asked(text, "ssh"); ok {
		return at.Label()
	}
	if m := inputs.SshAsked().FindStringSubmatch(text); m != nil && m[1] != "" {
		return "ssh://" + m[1] + "@" + m[2] + "/"
	}
	return "ssh://git@HOST/"
}
