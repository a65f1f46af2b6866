package redact

import (
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/tfops/tfops/internal/lazyregexp"
)

// Way is how a value is hidden where it is met again.
type Way int

const (
	Not    Way = iota // it is no secret
	Whole             // where it is all that stands there
	Within            // wherever it stands, in every form
)

// Shortest is how long a secret must be, in bytes, to be replaced within a longer text.
// Replacing every "1" or "eu" would make texts unreadable and hide nothing.
const Shortest = 4

// Long is how long a value must be, in bytes, to be hidden wherever it stands although its
// name does not say that it is a secret.
const Long = 8

// Judge tells how a value is hidden that came from outside of what people write, such as
// env() or file(). name is what the value belongs to: a variable, a field, a setting; ""
// where nothing does. A value of eight bytes or more is a secret; a shorter one if its name
// says so. What is too common to be one is none.
func Judge(name, value string) Way {
	named := Telling(name)
	switch {
	case len(value) < Shortest:
		return Not
	case Common(value):
		if named {
			return Whole
		}
		return Not
	case named || len(value) >= Long:
		return Within
	case number().MatchString(value):
		return Not // a port, a size
	}
	return Whole
}

var number = lazyregexp.New(`^-?[0-9.]+$`)

// SecretName guesses from the name of a variable or a setting whether its value is secret.
// Too much hidden is a nuisance, too little a leak. What names a state depends on it, so it
// stays as it is; Telling knows more words.
func SecretName(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"secret", "token", "password", "passwd", "passphrase", "private", "credential",
		"api_key", "apikey", "access_key", "session"}, func(word string) bool { return strings.Contains(name, word) })
}

// Telling reports whether a name says that its value is secret.
func Telling(name string) bool {
	return name != "" && (SecretName(name) || moreSecrets().MatchString(name))
}

var moreSecrets = lazyregexp.New(`(?i)pwd|passcode|cookie|jwt|webhook|dsn|conn_?str|connection_?string|hmac|` +
	`(auth|license|encryption|signing|master|shared|account|storage|sas|ssh|signature)_?key|(^|[^a-z])(pin|otp|sas|pass)$`)

// Common reports whether a value is one that many things have: a word, a region, a name of this
// machine, the same character again and again. To hide it would hide nothing.
func Common(value string) bool {
	value = strings.ToLower(strings.TrimSpace(value))
	if value == "" || strings.Trim(value, value[:1]) == "" {
		return true
	}
	return common()[value] || region().MatchString(value)
}

// common are texts of four letters and more that are no secrets, whoever gives them.
var common = sync.OnceValue(func() map[string]bool {
	words := map[string]bool{}
	for word := range strings.FieldsSeq(commonWords) {
		words[word] = true
	}
	return words
})

const commonWords = `true false null none undefined default enabled disabled enable disable always never manual
auto automatic prod production productive staging stage development develop testing test tests preview sandbox integration
acceptance demo live dark main master trunk latest stable nightly release release-candidate current primary secondary
replica public private internal external global local localhost localhost.localdomain 127.0.0.1 0.0.0.0 0.0.0.0/0 ::1
10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 255.255.255.0 info warn warning error debug trace notice critical high medium low
small large xlarge micro nano standard premium basic free terraform opentofu tofu tfops terragrunt github gitlab bitbucket
amazon aws azure google gcloud gcp kubernetes docker linux windows darwin ubuntu debian alpine amd64 arm64 x86_64 http
https ssh tcp udp icmp postgres postgresql mysql mariadb redis mongodb elasticsearch user username administrator admin
root nobody ubuntu ec2-user password passwd passphrase secret secrets token credential credentials apikey api_key
changeme change-me example placeholder redacted sensitive hidden unknown anonymous service services service_account
authorized_user application application/json text/plain utf-8 monday tuesday wednesday thursday friday saturday sunday
january february march april june july august september october november december europe america frankfurt ireland
virginia germany network networks database databases instance instances cluster clusters server servers backend frontend
monitoring logging storage security platform infrastructure subnet gateway loadbalancer environment environments
region account project workspace workspaces repository owner managed tags name type value string number bool boolean
object list description 2012-10-17 allow deny create update delete read write readonly read-only read-write version versions`

// region is that of a cloud, with a zone or without.
var region = lazyregexp.New(`^((us|eu|ap|sa|ca|me|af|il|mx|cn)(-gov|-iso[a-f]?)?-` + direction + `-\d[a-z]?|` +
	`(us|europe|asia|northamerica|southamerica|australia|me|africa)-` + direction + `\d{1,2}(-[a-f])?|` +
	direction + `?` + direction + `?(us|uk|asia|europe|australia|japan|brazil|canada|france|germany|korea|uae|india|` +
	`sweden|norway|poland|italy|spain|israel|mexico|switzerland)` + direction + `?` + direction + `?\d?)$`)

const direction = `(north|south|east|west|central|southeast|northeast|southwest|northwest)`

// PublicSetting reports whether a setting is none of those that hold a secret: by its name, and
// its value looks as the name says. Such are the variables that tell programs where things are.
func PublicSetting(name, value string) bool {
	if Telling(name) && !pathName().MatchString(name) {
		return false
	}
	switch {
	case pathName().MatchString(name):
		return path().MatchString(value)
	case addressName().MatchString(name):
		return plainAddress(value)
	case strings.HasPrefix(value, "/"):
		return path().MatchString(value) && !anyToken(value)
	}
	return plainValue().MatchString(value) &&
		(idName().MatchString(name) || plainName().MatchString(name) && !Random(value))
}

var (
	pathName = lazyregexp.New(`(?i)(^|_)(path|paths|file|files|dir|directory|home|root|tmpdir|bundle|sock|socket)$|` +
		`(^|_)ca_?cert$|^(old)?pwd$`)
	path        = lazyregexp.New(`^(~|\.{0,2}/|[A-Za-z]:[\\/])|^[\w-]+(\.[\w-]+|/[\w.-]+)+$`)
	addressName = lazyregexp.New(`(?i)(^|_)(url|uri|endpoint|addr|address|host|hosts|hostname|server|proxy|domain|` +
		`registry|issuer|origin)(_[a-z0-9]+)?$`)
	plainName = lazyregexp.New(`(?i)(^|_)(region|zone|zones|location|profile|project|account|` +
		`organi[sz]ation|org|user|username|name|email|role|environment|env|stage|stages|type|kind|engine|database|db_?name|dbname|port|version|` +
		`log_?level|level|lang|locale|tz|timezone|term|shell|format|mode|cloud|output|` +
		`alias|vhost|bucket|table|cluster|namespace|schema|partition)$|^(lc_.*|language|display|user|logname)$`)
	idName = lazyregexp.New(`(?i)(^|_)((project|account|subscription|tenant|client|user|organi[sz]ation)_?id|arn)$`)
	// plainValue has what names, ids, roles and mail addresses have.
	plainValue = lazyregexp.New(`^[\w][\w .@:/+-]{0,200}$`)
	hostOnly   = lazyregexp.New(`^\[?[A-Za-z0-9.:-]+\]?(,\[?[A-Za-z0-9.:-]+\]?)*$`)
)

// plainAddress reports whether an address holds nothing that lets somebody in: no user, no
// query, and no part of its path that looks like a token, as those of web hooks do.
func plainAddress(value string) bool {
	u, err := url.Parse(value)
	if err != nil || u.Host == "" {
		return hostOnly().MatchString(value) && len(value) < 254 && (strings.Contains(value, ".") || !Random(value))
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	return !anyToken(u.Path)
}

// OnlyInURL reports whether a value is a URL of which nothing is secret but what InURLs finds.
func OnlyInURL(value string) bool {
	u, err := url.Parse(value)
	return err == nil && u.Host != "" && len(InURLs(value)) > 0 && !anyToken(u.Path)
}

// anyToken reports whether a part of a path looks like a token.
func anyToken(path string) bool {
	return slices.ContainsFunc(strings.Split(path, "/"), func(part string) bool {
		return len(part) >= 16 && Random(part) || len(part) >= 20 && !strings.ContainsAny(part, "-_.~")
	})
}
