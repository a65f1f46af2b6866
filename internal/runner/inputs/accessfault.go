package inputs

import (
	"github.com/tfops/tfops/internal/lazily"
)

// What an init says that was not let in. Engines, Git and ssh have no codes for it.
var (
	HostKeyText = lazily.Pattern(`(?i)Host key verification failed|No \S+ host key is known for|REMOTE HOST IDENTIFICATION HAS CHANGED`)
	SshKeyText  = lazily.Pattern(`(?i)Permission denied \([a-z,-]*publickey|Too many authentication failures`)
	GitUserText = lazily.Pattern(`(?i)could not read (?:Username|Password) for|terminal prompts disabled|Authentication failed for|` +
		`The requested URL returned error: 40[13]|HTTP Basic: Access denied|remote: (?:Repository not found|Invalid username or (?:password|token))`)
	CertificateText = lazily.Pattern(`(?i)server certificate verification failed|SSL certificate problem|unable to get local issuer certificate`)
	RegistryText    = lazily.Pattern(`(?i)(?:401|403) (?:Unauthorized|Forbidden)|requires? (?:authentication )?credentials|rejected the given authentication|` +
		`unauthorized|bad response code: 40[13]|response code 40[13]`)

	// A backend may say the same of its own credentials.
	FetchedText = lazily.Pattern(`(?i)module registry|download(?:ing)? module|provider packages|install(?:ing)? provider|service discovery`)

	GitFetch = lazily.Pattern(`(?i)\bgit\b|\bssh\b|publickey|Host key`) // or else it asked a registry

	QuotedURL    = lazily.Pattern(`((?:https?|ssh)://[^\s'"<>]+)`)
	RegistryHost = lazily.Pattern(`(?:from|registry|host|for) ([a-z0-9-]+(?:\.[a-z0-9-]+)+(?::[0-9]+)?)\b`)
	ProviderHost = lazily.Pattern(`\b([a-z0-9-]+(?:\.[a-z0-9-]+)+(?::[0-9]+)?)/[0-9A-Za-z_-]+/[0-9A-Za-z_-]+`)
	SshAsked     = lazily.Pattern(`(?:(\S+)@)?(\S+): Permission denied`)
)

const PrivateModules = "docs/private-modules.md"

// Files in the home directory that a person's own init would use: the engine itself, and what
// it starts.
var (
	EnginesAtHome = []string{".terraformrc", ".tofurc", ".terraform.d/credentials.tfrc.json", ".netrc"}
	AtHome        = []string{".git-credentials", ".gitconfig", ".config/git/credentials",
		".ssh/id_ed25519", ".ssh/id_rsa", ".ssh/id_ecdsa", ".ssh/config"}
)
