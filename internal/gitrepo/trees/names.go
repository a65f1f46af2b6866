package trees

import "strings"

// badName says why a name in a tree must not become a file; empty when it may.
// The rules are those by which Git itself refuses a checkout: see verify_path
// in Git's read-cache.c, and the core.protectHFS and core.protectNTFS settings.
// All hold everywhere, so that a repository is good or bad on every machine.
func badName(name string) string {
	switch {
	case name == "":
		return "an empty name"
	case name == "." || name == "..":
		return "a name that means a directory"
	case strings.ContainsAny(name, "/\x00"):
		return "a name with a separator in it"
	}
	for part := range strings.SplitSeq(name, `\`) { // a separator to some systems
		if part == ".." {
			return "a name that climbs out of its directory"
		}
		if isDotGit(part) {
			return "a name that stands for Git's own directory"
		}
	}
	return ""
}

// isDotGit reports whether some file system would take the name for ".git".
func isDotGit(name string) bool {
	name = strings.Map(ignoredByHFS, name)
	name, _, _ = strings.Cut(name, ":") // a stream of an NTFS file
	name = strings.TrimRight(name, ". ")
	return strings.EqualFold(name, ".git") || strings.EqualFold(name, "git~1")
}

// ignoredByHFS drops the code points that HFS+ leaves out when it compares names.
func ignoredByHFS(r rune) rune {
	switch {
	case r >= 0x200c && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x206a && r <= 0x206f, r == 0xfeff:
		return -1
	}
	return r
}
