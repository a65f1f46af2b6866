package authorship_test

import (
	"os"
	"strings"
	"testing"

	"github.com/tfops/tfops/internal/authorship"
	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/gitrepo/signatures"
)

// signing is a history whose people have keys.
type signing struct {
	*history
	ring    *signatures.Ring
	private map[string]string
}

// newSigning gives keys to users, and one to a forge.
func newSigning(t *testing.T, users ...string) *signing {
	t.Helper()
	s := &signing{history: newHistory(t), ring: &signatures.Ring{}, private: map[string]string{}}
	s.as("li", "config", "gpg.format", "ssh")
	for _, who := range append(users, "forge", "stranger") {
		private, public := gittest.SSHKey(t, "-t", "ed25519")
		s.private[who] = private
		b, err := os.ReadFile(public)
		if err != nil {
			t.Fatal(err)
		}
		keys, err := signatures.Parse(string(b))
		if err != nil {
			t.Fatal(err)
		}
		switch who {
		case "forge":
			s.ring.Add(signatures.Owner{}, keys...)
		case "stranger":
		default:
			s.ring.Add(signatures.Owner{User: who, Emails: []string{who + "@example.com"}}, keys...)
		}
	}
	return s
}

// with has what follows signed with somebody's key; "" is nobody's.
func (s *signing) with(who string) {
	s.as("li", "config", "commit.gpgsign", "true")
	s.as("li", "config", "user.signingkey", s.private[who])
	if who == "" {
		s.as("li", "config", "commit.gpgsign", "false")
	}
}

// edited is one change of a file, signed.
func (s *signing) edited(signer, who, path string, line int) string {
	s.with(signer)
	return s.edit(who, path, line)
}

// authors are those since a commit.
func (s *signing) authors(base string) authorship.Authors {
	s.t.Helper()
	return s.find(base, s.as("li", "rev-parse", "HEAD"), app("live/app"), app("live/app"),
		func(q *authorship.Question) { q.Keys = s.ring })
}

// wantSigned asserts how many commits are verified, who signed, and why the others are not.
func (s *signing) wantSigned(a authorship.Authors, verified int, signers string, why ...string) {
	s.t.Helper()
	var users []string
	for _, u := range a.Signers {
		users = append(users, u.User)
	}
	if a.Verified != verified || strings.Join(users, " ") != signers || a.Commits-a.Verified != len(why) ||
		len(a.Unverified) != len(why) {
		s.t.Fatalf("%d verified, signed by %q, not: %+v; want %d, %q, %q", a.Verified, users, a.Unverified,
			verified, signers, why)
	}
	for i, u := range a.Unverified {
		if !strings.Contains(u.Why, why[i]) || u.Next == "" {
			s.t.Errorf("%+v, want %q", u, why[i])
		}
	}
}

// person is one of the authors.
func person(t *testing.T, a authorship.Authors, who string) authorship.Person {
	t.Helper()
	for _, p := range a.People {
		if p.Name == who {
			return p
		}
	}
	t.Fatalf("%s is none of %+v", who, a.People)
	return authorship.Person{}
}

func TestSigned(t *testing.T) {
	for name, play := range map[string]func(*signing, string){
		"by whom they say": func(s *signing, base string) {
			s.edited("ana", "ana", "live/app/main.tf", 1)
			s.edited("bo", "bo", "modules/vpc/main.tf", 1)
			a := s.authors(base)
			s.wantSigned(a, 2, "bo ana")
			if p := person(s.t, a, "ana"); !p.Verified || p.Signer != "ana" {
				s.t.Errorf("%+v", p)
			}
		},
		"one is not": func(s *signing, base string) {
			s.edited("", "ana", "live/app/main.tf", 1)
			s.edited("bo", "bo", "live/app/main.tf", 0)
			a := s.authors(base)
			s.wantSigned(a, 1, "bo", "not signed")
			if p := person(s.t, a, "ana"); p.Verified || p.Signer != "" {
				s.t.Errorf("%+v", p)
			}
		},
		"what does not touch the workspace need not be": func(s *signing, base string) {
			s.edited("", "ana", "README.md", 0)
			s.edited("bo", "bo", "live/app/main.tf", 0)
			s.wantSigned(s.authors(base), 1, "bo")
		},
		"by somebody else than it says": func(s *signing, base string) {
			s.edited("ana", "bo", "live/app/main.tf", 1)
			a := s.authors(base)
			s.wantSigned(a, 0, "ana", "signed by ana, and committed as bo <bo@example.com>")
			if p := person(s.t, a, "bo"); p.Verified || p.Signer != "ana" {
				s.t.Errorf("%+v", p)
			}
		},
		"for an author who did not": func(s *signing, base string) {
			s.write(map[string]string{"live/app/main.tf": "# by cy\n"})
			s.with("ana")
			s.as("ana", "add", "-A")
			s.as("ana", "commit", "-q", "-m", "for cy", "--author", "cy <cy@example.com>")
			a := s.authors(base)
			s.wantSigned(a, 1, "ana")
			if p := person(s.t, a, "cy"); p.Verified || p.Signer != "ana" {
				s.t.Errorf("ana's word proves cy: %+v", p)
			}
		},
		"with the key of nobody": func(s *signing, base string) {
			s.edited("stranger", "ana", "live/app/main.tf", 1)
			s.wantSigned(s.authors(base), 0, "", "which no user block has")
		},
		"on both sides of a merge": func(s *signing, base string) {
			s.with("")
			s.as("ana", "checkout", "-q", "-b", "side")
			s.edited("", "ana", "live/app/main.tf", 1)
			s.as("bo", "checkout", "-q", "main")
			s.edited("bo", "bo", "modules/vpc/main.tf", 1)
			s.as("bo", "merge", "-q", "-m", "merge", "side")
			s.wantSigned(s.authors(base), 1, "bo", "not signed")
		},
		"a forge's merge that puts a file together": func(s *signing, base string) {
			s.sides("modules/vpc/main.tf", 25)
			s.with("forge")
			s.as("forge", "merge", "-q", "-m", "merge", "side")
			s.wantSigned(s.authors(base), 3, "bo ana")
		},
		"a forge's merge that slips something in": func(s *signing, base string) {
			s.sides("modules/vpc/main.tf", 25)
			s.with("forge")
			s.as("forge", "merge", "-q", "--no-commit", "side")
			s.write(map[string]string{"live/app/evil.tf": "# evil\n"})
			s.commit("forge", "merge")
			s.wantSigned(s.authors(base), 2, "bo ana",
				"changes live/app/evil.tf, which merging its parents does not ask for")
		},
		"a forge's merge that throws a side away": func(s *signing, base string) {
			s.sides("live/app/prod.tfvars", 0)
			s.with("forge")
			s.as("forge", "merge", "-q", "-s", "ours", "-m", "merge", "side")
			s.wantSigned(s.authors(base), 2, "bo ana", "which merging its parents does not ask for")
		},
		"a forge's merge that only takes over": func(s *signing, base string) {
			s.sides("live/app/prod.tfvars", 0)
			s.with("")
			s.as("forge", "merge", "-q", "-m", "merge", "side")
			s.wantSigned(s.authors(base), 2, "bo ana")
		},
		"a forge's squash": func(s *signing, base string) {
			s.edited("forge", "ana", "live/app/main.tf", 1)
			s.wantSigned(s.authors(base), 0, "", "no merge of two commits")
		},
		"the committer's email in another case": func(s *signing, base string) {
			s.write(map[string]string{"live/app/main.tf": "# x\n"})
			s.with("ana")
			s.as("ana", "add", "-A")
			s.as("ANA", "commit", "-q", "-m", "x")
			s.wantSigned(s.authors(base), 1, "ana")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSigning(t, "ana", "bo")
			play(s, s.as("li", "rev-parse", "HEAD"))
		})
	}
	t.Run("what is older than it has to be", func(t *testing.T) {
		s := newSigning(t, "ana")
		since := s.edited("", "bo", "live/app/main.tf", 1) // and the first commit of all
		s.as("bo", "checkout", "-q", "-b", "side", "HEAD~1")
		s.edited("", "bo", "live/app/prod.tfvars", 0) // parted before, and came later
		s.as("ana", "checkout", "-q", "main")
		s.edited("ana", "ana", "live/app/main.tf", 0)
		s.with("ana")
		s.as("ana", "merge", "-q", "-m", "merge", "side")
		find := func(since string) authorship.Authors {
			head := s.as("li", "rev-parse", "HEAD")
			return s.find("", head, app("live/app"), app("live/app"), func(q *authorship.Question) {
				q.Keys, q.SignedSince = s.ring, since
			})
		}
		a := find(since)
		if a.Exempt != 2 || a.Verified != 1 || a.Commits != 4 || len(a.Unverified) != 1 {
			t.Errorf("%+v", a)
		}
		if p := person(t, a, "ana"); !p.Verified {
			t.Errorf("%+v", p)
		}
		if p := person(t, a, "bo"); p.Verified {
			t.Errorf("%+v", p)
		}
		wantUnknown(t, find(strings.Repeat("ab", 20)), "signed_since", "correct signed_since of repository infra")
	})
	t.Run("more than are kept", func(t *testing.T) {
		s := newSigning(t, "ana")
		base := s.as("li", "rev-parse", "HEAD")
		for range authorship.MaxUnverified + 2 {
			s.edited("", "ana", "live/app/main.tf", 1)
			s.edited("", "bo", "live/app/main.tf", 1)
		}
		if a := s.authors(base); len(a.Unverified) != authorship.MaxUnverified || a.Verified != 0 ||
			a.Commits != 2*authorship.MaxUnverified+4 {
			t.Errorf("%+v", a)
		}
	})
}

// sides are one of ana's and one of bo's, which is checked out; both change the file that is shared,
// at other places, or other files.
func (s *signing) sides(path string, line int) {
	s.with("")
	s.as("ana", "checkout", "-q", "-b", "side")
	s.edited("ana", "ana", path, 0)
	s.with("")
	s.as("bo", "checkout", "-q", "main")
	if line == 0 {
		path = "live/app/main.tf"
	}
	s.edited("bo", "bo", path, line)
}
