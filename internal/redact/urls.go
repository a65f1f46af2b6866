package redact

import (
	"net/url"
	"slices"
	"strings"

	"github.com/tfops/tfops/internal/lazyregexp"
)

var (
	// userInfo is what a URL has before its host.
	userInfo = lazyregexp.New("([A-Za-z][A-Za-z0-9+.-]*://)([^\\s/?#\"'<>`]+)@")
	// queryField is one field of a query or a fragment; the & may be escaped for JSON or HTML.
	queryField = lazyregexp.New(`((?:[?&;#]|\\u0026|&amp;)([A-Za-z_][\w.\-]*)=)([^&\s"'<>#;)\]}\\` +
		"`" + `]+)`)
	queryName = lazyregexp.New(`(?i)^(sig|signature|x-(amz|goog)-(signature|credential|security-token)|awsaccesskeyid|` +
		`sshkey|sv_?sig|sas|jwt|ticket|assertion|auth|authorization|key|code|pass|pw|pwd|login|hmac|credentials?)$`)
	// placeholder is what stands for a secret, or refers to one.
	placeholder = lazyregexp.New(`^(\*+|x{3,}|X{3,}|<.*>|\.{3}|…|\$.*|%.?[A-Za-z_]*%?|\{.*\}|redacted|REDACTED)$`)
	// login is what goes before a host without a scheme, as in HTTPS_PROXY.
	login = lazyregexp.New(`^[^\s/@:]+:([^\s@/][^\s@]*)@[A-Za-z0-9.\[\]:-]+(/\S*)?$`)
)

// URLs hides what lets somebody in of each URL in a text: passwords, users that are tokens, and
// the fields of queries that are called like one. It knows them by how they look alone.
func URLs(text string) string {
	return queries(users(text))
}

// ends are where a URL ends at the latest.
const ends = " \t\r\n\"'<>`"

// users hides what URLs have before their hosts. Expressions would be slow on long texts, so
// they are asked about what may be meant alone.
func users(text string) string {
	var b strings.Builder
	done := 0
	for i := 0; ; {
		at := strings.Index(text[i:], "://")
		if at < 0 {
			break
		}
		at += i
		i = at + len("://")
		end := i + indexAny(text[i:], ends+"/?#")
		if !strings.Contains(text[i:end], "@") {
			continue
		}
		from := at
		for from > done && schemeByte(text[from-1]) {
			from--
		}
		shown := userInfo().ReplaceAllStringFunc(text[from:end], func(match string) string {
			scheme, user, _ := strings.Cut(strings.TrimSuffix(match, "@"), "://")
			return scheme + "://" + shownUser(scheme, user) + "@"
		})
		b.WriteString(text[done:from] + shown)
		done, i = end, end
	}
	return b.String() + text[done:]
}

func schemeByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '.' || c == '-'
}

// indexAny is where the first of some characters stands; the length where none does.
func indexAny(s, chars string) int {
	if i := strings.IndexAny(s, chars); i >= 0 {
		return i
	}
	return len(s)
}

// queries hides fields of the queries and fragments of URLs, with their hosts or without.
func queries(text string) string {
	var b strings.Builder
	done := 0
	for {
		at := strings.IndexAny(text[done:], "?#")
		if at < 0 {
			break
		}
		from := done + at
		end := from + indexAny(text[from:], ends)
		query := text[from:end]
		if strings.Contains(query, "=") {
			query = queryField().ReplaceAllStringFunc(query, func(match string) string {
				m := queryField().FindStringSubmatch(match)
				if !secretField(m[2], m[3]) {
					return match
				}
				return m[1] + Hidden
			})
		}
		b.WriteString(text[done:from] + query)
		done = end
	}
	return b.String() + text[done:]
}

// shownUser is what is shown of what a URL has before its host.
func shownUser(scheme, info string) string {
	user, password, has := strings.Cut(info, ":")
	if !has || password == "" {
		if tokenUser(scheme, user) {
			user = Hidden
		}
		return strings.TrimSuffix(user+":"+password, ":")
	}
	if placeholder().MatchString(password) {
		return info
	}
	if stand := strings.ToLower(password); stand == "x-oauth-basic" || stand == "x-oauth-token" || stand == "x" ||
		longToken(user) {
		user = Hidden
	}
	return user + ":" + Hidden
}

// tokenUser reports whether a user without a password is a token. Over HTTP nobody needs to
// name a user alone; a name that can be read is taken for one all the same.
func tokenUser(scheme, user string) bool {
	if placeholder().MatchString(user) {
		return false
	}
	if strings.HasSuffix(strings.ToLower(scheme), "http") || strings.HasSuffix(strings.ToLower(scheme), "https") {
		return longToken(user) || strings.ContainsAny(user, "0123456789_%")
	}
	return longToken(user)
}

// longToken reports whether a user is longer than names are, and looks like none.
func longToken(user string) bool {
	return len(user) >= 16 && (Random(user) || strings.ContainsAny(user, "_0123456789")) || len(user) >= 32
}

// secretField reports whether a field of a query lets somebody in.
func secretField(name, value string) bool {
	if placeholder().MatchString(value) || strings.HasPrefix(value, "(sensitive") {
		return false
	}
	return Telling(name) || queryName().MatchString(name) && len(value) >= 6
}

// InURLs are the secrets in the URLs of a text, as they are written there and as they are meant,
// so that they can be looked for elsewhere.
func InURLs(text string) (secrets []string) {
	add := func(written string, unescape func(string) (string, error)) {
		for _, s := range []string{written, unescaped(written, unescape)} {
			if len(s) >= Shortest && !Common(s) {
				secrets = append(secrets, s)
			}
		}
	}
	if m := login().FindStringSubmatch(text); m != nil {
		add(m[1], url.PathUnescape)
	}
	for _, m := range userInfo().FindAllStringSubmatch(text, -1) {
		user, password, _ := strings.Cut(m[2], ":")
		shown := shownUser(strings.TrimSuffix(m[1], "://"), m[2])
		if strings.HasPrefix(shown, Hidden) {
			add(user, url.PathUnescape)
		}
		if strings.HasSuffix(shown, ":"+Hidden) {
			add(password, url.PathUnescape)
		}
	}
	for _, m := range queryField().FindAllStringSubmatch(text, -1) {
		if secretField(m[2], m[3]) {
			add(m[3], url.QueryUnescape)
		}
	}
	return secrets
}

func unescaped(written string, unescape func(string) (string, error)) string {
	if s, err := unescape(written); err == nil {
		return s
	}
	return ""
}

var (
	// setTo is a setting with a telling name, as connection strings and command lines have it.
	setTo = lazyregexp.New(`(?i)(\b(?:\w*(?:password|passwd|passphrase|secret|token|api_?key|access_?key)|pwd|accountkey|` +
		`sharedaccesskey)=)([^\s;&"'<>,(\\$]{4,})`)
	// quotedTo is a setting as code has it, and a field of JSON; a text within a text has its quotes escaped.
	quotedTo = lazyregexp.New(`(?i)(\b\w*(?:password|passwd|passphrase|secret|secret_?key|token|api_?key|access_?key|` +
		`private_?key|conn_str)(?:\s*=\s*|\\*"\s*:\s*)\\*")([^\s"\\$(<%{][^"\\$\r\n]{3,})`)
	// header is one of HTTP that lets somebody in.
	header = lazyregexp.New(`(?i)((?:authorization|proxy-authorization)["'\\]*\s*[:=]\s*["'\\\[]*(?:basic|bearer|token|` +
		`digest|negotiate)\s+|(?:x-vault-token|private-token|x-api-key|x-auth-token|x-amz-security-token|set-cookie|` +
		`cookie|job-token|deploy-token|circle-token|x-tfops-token)["'\\]*\s*:\s*["'\\\[]*)([^\s"'\\,\]]{4,})`)
)

// words are in the names that expressions of settings and headers look for.
var words = []string{"pass", "pwd", "secret", "token", "key", "conn_str", "authorization", "cookie"}

// mayName reports whether a text may name a secret: expressions take a hundred times as long.
func mayName(text string) bool {
	low := strings.ToLower(text)
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(low, w) })
}

// Settings hides the values of settings and headers in a text whose names say that they are
// secret: password=x, Authorization: Bearer x.
func Settings(text string) string {
	if !mayName(text) {
		return text
	}
	if strings.Contains(text, "=") {
		text = setTo().ReplaceAllString(text, "${1}"+Hidden)
	}
	if strings.Contains(text, ":") || strings.Contains(text, "=") {
		text = quotedTo().ReplaceAllString(text, "${1}"+Hidden)
		text = header().ReplaceAllString(text, "${1}"+Hidden)
	}
	return text
}
