package inputs

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/credentials"
	"github.com/tfops/tfops/internal/durable"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/lazyregexp"
	"github.com/tfops/tfops/internal/runner/diagnostics"
)

// What an init says that was not let in. Engines, Git and ssh have no codes for it.
var (
	hostKeyText = lazyregexp.New(`(?i)Host key verification failed|No \S+ host key is known for|REMOTE HOST IDENTIFICATION HAS CHANGED`)
	sshKeyText  = lazyregexp.New(`(?i)Permission denied \([a-z,-]*publickey|Too many authentication failures`)
	gitUserText = lazyregexp.New(`(?i)could not read (?:Username|Password) for|terminal prompts disabled|Authentication failed for|` +
		`The requested URL returned error: 40[13]|HTTP Basic: Access denied|remote: (?:Repository not found|Invalid username or (?:password|token))`)
	certificateText = lazyregexp.New(`(?i)server certificate verification failed|SSL certificate problem|unable to get local issuer certificate`)
	registryText    = lazyregexp.New(`(?i)(?:401|403) (?:Unauthorized|Forbidden)|requires? (?:authentication )?credentials|rejected the given authentication|` +
		`unauthorized|bad response code: 40[13]|response code 40[13]`)

	// A backend may say the same of its own credentials.
	fetchedText = lazyregexp.New(`(?i)module registry|download(?:ing)? module|provider packages|install(?:ing)? provider|service discovery`)

	gitFetch = lazyregexp.New(`(?i)\bgit\b|\bssh\b|publickey|Host key`) // or else it asked a registry

	quotedURL    = lazyregexp.New(`((?:https?|ssh)://[^\s'"<>]+)`)
	registryHost = lazyregexp.New(`(?:from|registry|host|for) ([a-z0-9-]+(?:\.[a-z0-9-]+)+(?::[0-9]+)?)\b`)
	providerHost = lazyregexp.New(`\b([a-z0-9-]+(?:\.[a-z0-9-]+)+(?::[0-9]+)?)/[0-9A-Za-z_-]+/[0-9A-Za-z_-]+`)
	sshAsked     = lazyregexp.New(`(?:(\S+)@)?(\S+): Permission denied`)
)

// PrivateModules is where people read how init gets modules that not everybody may have.
const PrivateModules = "docs/private-modules.md"

// Files in the home directory that a person's own init would use: the engine itself, and what
// it starts.
var (
	enginesAtHome = []string{".terraformrc", ".tofurc", ".terraform.d/credentials.tfrc.json", ".netrc"}
	atHome        = []string{".git-credentials", ".gitconfig", ".config/git/credentials",
		".ssh/id_ed25519", ".ssh/id_rsa", ".ssh/id_ecdsa", ".ssh/config"}
)

// Advice is given about an init that was not let in, by what it was given.
type Advice struct {
	Engine      string // its name
	Credentials []credentials.Credential
	Home        string // the home directory
	HomeCounts  bool   // what lies there was used
}

// Add says of an init that was not let in what would let it in, and of one that
// could not fetch something which files in the home directory it did not use.
func (a Advice) Add(f *diagnostics.Failure, out *diagnostics.Output) {
	if f.Outcome != job.Failed || f.Cause != job.CauseEngine && f.Cause != job.CauseNetwork {
		return
	}
	text := out.Plain.String()
	for _, d := range diagnostics.ErrorsOf(out.All()) {
		text += "\n" + d.Summary + "\n" + d.Detail
	}
	switch next := a.For(text); {
	case next != "" && f.Cause == job.CauseEngine:
		f.Next = next + "; see " + PrivateModules
	case !fetchedText().MatchString(text):
		return
	}
	if note := a.unusedNote(fetchedText().MatchString(text) && !gitFetch().MatchString(text)); note != "" &&
		f.Next != "" {
		f.Next += ". " + note
	} else if note != "" {
		f.Next = "correct the address, or try again once its host can be reached from this machine. " + note +
			"; see " +
			PrivateModules
	}
}

// unusedNote names what lies in the home directory and was not used, though the init might
// have: a registry is asked by the engine, which reads no file of Git's or of ssh.
func (a Advice) unusedNote(registry bool) string {
	var found []string
	names := enginesAtHome
	if !registry {
		names = slices.Concat(names, atHome)
	}
	for _, name := range names {
		if durable.Exists(filepath.Join(a.Home, filepath.FromSlash(name))) {
			found = append(found, "~/"+name)
		}
	}
	if len(found) == 0 || a.HomeCounts {
		return ""
	}
	verb := map[bool]string{true: "is there and was", false: "are there and were"}[len(found) == 1]
	return fmt.Sprintf("%s %s not used: what lies in the home directory counts only with engine %q { cli_config = "+
		"\"…\" }",
		strings.Join(found, ", "), verb, a.Engine)
}

// For is what would let an init in of which this is the error; "" where that is
// not what it lacks.
func (a Advice) For(text string) string {
	// an engine that prints for people breaks lines anywhere
	text = diagnostics.OneLine(strings.ReplaceAll(text, "│", ""))
	switch {
	case hostKeyText().MatchString(text):
		return fmt.Sprintf("tell which key the host has: module_credentials %q { private_key_file = \"…\", "+
			"known_hosts_file = \"…\" }; `ssh-keyscan HOST` prints the lines, compare them with what the host's "+
			"owner publishes",
			sshLabel(text))
	case gitUserText().MatchString(text):
		return a.gitAdvice(text)
	case sshKeyText().MatchString(text):
		if at, ok := asked(text, "ssh"); ok {
			if c, ok := credentials.Best(a.Credentials, at); ok {
				return fmt.Sprintf("check the key of module_credentials %q: the host does not let it in, or not to "+
					"this repository", c.Prefix.Label())
			}
		}
		return fmt.Sprintf("give a key that may read the modules: module_credentials %q { private_key_file = \"…\", "+
			"known_hosts_file = \"…\" }", sshLabel(text))
	case certificateText().MatchString(text):
		return "have the machine trust the host's authority (SSL_CERT_FILE or the system's certificates); the tls " +
			"block " +
			"of a repository counts for modules on its host with modules = \"same_access\""
	case registryText().MatchString(text) && fetchedText().MatchString(text):
		return a.registryAdvice(text)
	}
	return ""
}

func (a Advice) gitAdvice(text string) string {
	at, known := asked(text, "http")
	if c, ok := credentials.Best(credentials.Of(a.Credentials, credentials.HTTP), at); known && ok && c.Password != "" {
		return fmt.Sprintf("check the user and password of module_credentials %q: the host does not let them in, or "+
			"not to this repository", c.Prefix.Label())
	}
	label := "https://HOST/PATH/"
	if known {
		label = at.Label()
	}
	return fmt.Sprintf("give a user and password that may read the modules: module_credentials %q { username = \"…\", "+
		"password = env(\"…\") }, or a shorter prefix of that address", label)
}

func (a Advice) registryAdvice(text string) string {
	host := "HOST"
	for _, found := range [][]string{registryHost().FindStringSubmatch(text), providerHost().FindStringSubmatch(text)} {
		if found != nil && !strings.HasSuffix(found[1], ".tf") {
			host = found[1]
			break
		}
	}
	at, err := credentials.Parse(host)
	if _, ok := credentials.Best(a.Credentials, at); err == nil && ok {
		return fmt.Sprintf("check the token of module_credentials %q: the registry does not let it in, or not to this "+
			"module or provider", at.Label())
	}
	return fmt.Sprintf("give a token that the registry lets in: module_credentials %q { token = env(\"…\") }", host)
}

// asked is the first address of the kind that a text names.
func asked(text, scheme string) (credentials.Prefix, bool) {
	for _, found := range quotedURL().FindAllString(text, -1) {
		at, ok := credentials.Address(strings.TrimRight(found, ":/."))
		if ok && strings.HasPrefix(string(at.Kind), scheme) {
			return at, true
		}
	}
	return credentials.Prefix{}, false
}

// sshLabel is a prefix for the host that ssh complains of.
func sshLabel(text string) string {
	if at, ok := asked(text, "ssh"); ok {
		return at.Label()
	}
	if m := sshAsked().FindStringSubmatch(text); m != nil && m[1] != "" {
		return "ssh://" + m[1] + "@" + m[2] + "/"
	}
	return "ssh://git@HOST/"
}
