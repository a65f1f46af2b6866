package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tfops/tfops/internal/gitrepo/gittest"
	"github.com/tfops/tfops/internal/testrig"
)

// commands are what scripts have beside testscript's own. @ID names a data
// directory other than "data".
var commands = map[string]func(*testscript.TestScript, bool, []string){
	// The daemon.
	"serve":   cmdServe,   // serve [@ID] [NAME=VALUE…] [FLAG…]: start it and wait until it answers
	"term":    cmdTerm,    // term [@ID]: SIGTERM; it must end soon and in good order
	"kill9":   cmdKill9,   // kill9 [@ID]
	"gone":    cmdGone,    // gone [@ID] PATTERN: it ends by itself, with an error, and its log says why
	"hangup":  cmdHangup,  // hangup [@ID]: SIGHUP, and wait until the configuration was read again or refused
	"await":   cmdAwait,   // see there
	"run":     cmdRun,     // see there
	"audited": cmdAudited, // audited ACTION [ACTOR]: a decision of this kind is recorded

	// Git.
	"repo": cmdRepo, // repo NAME: an empty one at NAME.git
	// push REPO BRANCH [DIR] [-m MESSAGE] [-a AUTHOR] [-rm PATH] [-force] [-quiet]: a commit with DIR's files; sets
	// HEAD
	"push":       cmdPush,
	"branch":     cmdBranch,     // branch REPO NAME (SHA|-): move or delete it
	"tag":        cmdTag,        // tag REPO NAME SHA
	"submodules": cmdSubmodules, // submodules REPO BRANCH (PATH URL SHA)…: a commit with these and no others; sets HEAD
	"checkout":   cmdCheckout,   // checkout REPO DIR: a work tree of branch main whose origin is REPO over http

	// githost VARIABLE USER PASSWORD: all repositories by http, for whom it names; the variable is its URL
	"githost": cmdGitHost,

	// Programs and files.
	"exits":    cmdExits,    // exits STATUS PROGRAM ARG…
	"as":       cmdAs,       // as USER STATUS PROGRAM ARG…: as another user of the machine
	"waitfile": cmdWaitFile, // see there
	"replace":  cmdReplace,  // replace FILE OLD NEW
	"nowhere":  cmdNowhere,  // nowhere DIR TEXT: no file there holds the text
	"readme":   cmdReadme,   // readme TEXT: README.md has it
	"healed":   cmdHealed,   // see there
	"moment":   cmdMoment,   // moment VARIABLE DURATION: the time so far from now
	"notrun":   cmdNotRun,   // notrun WHAT: say that it is not tried here

	// JSON in stdout.
	"json": cmdJSON, // json CONDITION…
	"let":  cmdLet,  // let VARIABLE [PATH]: what lies there; without a path all of stdout
	"keys": cmdKeys, // keys PATH KEY…: the object there has all of these

	"releases": cmdReleases, // see there
	"registry": cmdRegistry, // see there
	"advised":  cmdAdvised,  // see there

	// A webhook's receiver.
	"receiver": cmdReceiver, // see there
	"received": cmdReceived, // see there
	"tally":    cmdTally,    // see there
}

func cmdServe(ts *testscript.TestScript, neg bool, args []string) {
	id, args := instance(args)
	if neg {
		ts.Fatalf("use: exits STATUS tfops serve")
	}
	sessionOf(ts).serve(ts, id, args)
}

func cmdTerm(ts *testscript.TestScript, _ bool, args []string) {
	id, _ := instance(args)
	sessionOf(ts).stop(ts, id)
}

func cmdKill9(ts *testscript.TestScript, _ bool, args []string) {
	id, _ := instance(args)
	s := sessionOf(ts)
	p := s.daemon(ts, id)
	testrig.Kill(s.t, p.cmd.Process.Pid)
	<-p.exited
}

func cmdGone(ts *testscript.TestScript, neg bool, args []string) {
	id, args := instance(args)
	s := sessionOf(ts)
	p := s.daemons[id]
	if neg || len(args) != 1 || p == nil {
		ts.Fatalf("usage: gone [@ID] PATTERN, of a daemon that was started")
	}
	select {
	case <-p.exited:
	case <-time.After(stopsWithin):
		ts.Fatalf("tfops serve did not end within %s:\n%s", stopsWithin, tail(p.log))
	}
	b, err := os.ReadFile(p.log)
	ts.Check(err)
	if p.cmd.ProcessState.Success() || !regexp.MustCompile(args[0]).Match(b) {
		ts.Fatalf("it ended otherwise (%s):\n%s", p.cmd.ProcessState, tail(p.log))
	}
}

func cmdHangup(ts *testscript.TestScript, _ bool, args []string) {
	id, _ := instance(args)
	c := sessionOf(ts).client(ts, id)
	defer c.Close()
	before, err := c.Status(context.Background())
	ts.Check(err)
	ts.Check(sessionOf(ts).daemon(ts, id).cmd.Process.Signal(syscall.SIGHUP))
	sessionOf(ts).until(ts, "the configuration to be read again", func(ctx context.Context) (bool, string) {
		now, err := c.Status(ctx)
		return err == nil && (now.Config.Error != "" || !now.Config.LoadedAt.Equal(before.Config.LoadedAt)),
			fmt.Sprintf("%+v, %v", now.Config, err)
	})
}

func cmdAudited(ts *testscript.TestScript, neg bool, args []string) {
	id, args := instance(args)
	c := sessionOf(ts).client(ts, id)
	defer c.Close()
	list, err := c.Audit(context.Background(), 1000)
	ts.Check(err)
	found := false
	for _, a := range list {
		found = found || a.Action == args[0] && (len(args) == 1 || a.Actor == args[1])
	}
	if found == neg {
		b, _ := json.MarshalIndent(list, "", "  ")
		ts.Fatalf("%q found: %v, in\n%s", args, found, b)
	}
}

func cmdRepo(ts *testscript.TestScript, _ bool, args []string) {
	s := sessionOf(ts)
	for _, name := range args {
		s.repos[name] = gittest.NewRepoAt(s.t, filepath.Join(s.work, name+".git"))
	}
}

func cmdPush(ts *testscript.TestScript, _ bool, args []string) {
	s := sessionOf(ts)
	message, _, args := flagged(args, "-m", 1)
	author, _, args := flagged(args, "-a", 1)
	gone, _, args := flagged(args, "-rm", 1)
	_, force, args := flagged(args, "-force", 0)
	_, quiet, args := flagged(args, "-quiet", 0)
	if len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: push REPO BRANCH [DIR] [-m MESSAGE] [-a AUTHOR] [-rm PATH] [-force] [-quiet]")
	}
	content := map[string]string{}
	if len(args) == 3 {
		var err error
		content, err = files(ts.MkAbs(args[2]))
		ts.Check(err)
	}
	if gone != "" {
		content[gone] = gittest.Delete
	}
	var options []gittest.Option
	if message != "" {
		options = append(options, gittest.Message(message))
	}
	if name, email, ok := strings.Cut(strings.TrimSuffix(author, ">"), " <"); ok {
		options = append(options, gittest.Author(name, email))
	}
	if force {
		options = append(options, gittest.On(""))
	}
	ts.Setenv("HEAD", s.repos[args[0]].Commit(args[1], content, options...))
	if !quiet {
		s.announce(args[0])
	}
}

// announce does what a hook after a push would do: it tells the daemons. One
// that does not know the repository, or does not run, need not listen.
func (s *session) announce(repo string) {
	for id, p := range s.daemons {
		if p.running() {
			cmd := exec.Command(p.cmd.Path, "poll", repo, "--server", filepath.Join(s.work, id, "tfops.sock"))
			cmd.Env = append(p.cmd.Env, "GORACE=atexit_sleep_ms=0")
			_ = cmd.Run()
		}
	}
}

func cmdBranch(ts *testscript.TestScript, _ bool, args []string) {
	s := sessionOf(ts)
	if len(args) != 3 {
		ts.Fatalf("usage: branch REPO NAME (SHA|-)")
	}
	if args[2] == "-" {
		s.repos[args[0]].DeleteBranch(args[1])
	} else {
		s.repos[args[0]].SetBranch(args[1], args[2])
	}
	s.announce(args[0])
}

func cmdTag(ts *testscript.TestScript, _ bool, args []string) {
	sessionOf(ts).repos[args[0]].Tag(args[1], args[2])
}

func cmdSubmodules(ts *testscript.TestScript, _ bool, args []string) {
	s := sessionOf(ts)
	if len(args) < 2 || len(args)%3 != 2 {
		ts.Fatalf("usage: submodules REPO BRANCH (PATH URL SHA)…")
	}
	content := map[string]string{".gitmodules": ""}
	for sub := range slices.Chunk(args[2:], 3) {
		content[".gitmodules"] += "[submodule \"" + sub[0] + "\"]\n\tpath = " + sub[0] + "\n\turl = " + sub[1] + "\n"
		content[sub[0]] = gittest.Submodule(sub[2])
	}
	ts.Setenv("HEAD", s.repos[args[0]].Commit(args[1], content))
	s.announce(args[0])
}

// cmdCheckout makes what a clone of the repository's branch main would be,
// without a git program: the files, a work tree, and where it came from.
func cmdCheckout(ts *testscript.TestScript, _ bool, args []string) {
	s := sessionOf(ts)
	dir := ts.MkAbs(args[1])
	url := gittest.ServeHTTP(s.t, s.repos[args[0]].Dir, "", "")
	_, err := git.PlainClone(dir, false, &git.CloneOptions{URL: url,
		ReferenceName: plumbing.NewBranchReferenceName("main")})
	ts.Check(err)
	repo, err := git.PlainOpen(dir)
	ts.Check(err)
	c, err := repo.Config()
	ts.Check(err)
	if _, ok := c.Remotes[git.DefaultRemoteName]; !ok {
		_, err = repo.CreateRemote(&config.RemoteConfig{Name: git.DefaultRemoteName, URLs: []string{url}})
		ts.Check(err)
	}
}

func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM ARG…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := status(ts.Exec(args[1], args[2:]...)); got != want {
		ts.Fatalf("exit status %d, expected %d", got, want)
	}
}

func cmdAs(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: as USER STATUS PROGRAM ARG…")
	}
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	u, err := user.Lookup(args[0])
	ts.Check(err)
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	ts.Check(err)
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	ts.Check(err)
	cmd := exec.Command(filepath.Join(ts.Getenv("BIN"), args[2]), args[3:]...)
	cmd.Dir = "/"
	cmd.Env = []string{"HOME=/", "PATH=" + ts.Getenv("PATH"), "TFOPS_SERVER=" + filepath.Join(ts.Getenv("WORK"), "data",
		"tfops.sock"), "GORACE=atexit_sleep_ms=0"}
	cmd.Stdout, cmd.Stderr = ts.Stdout(), ts.Stderr()
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	if got := status(cmd.Run()); got != want {
		ts.Fatalf("exit status %d, expected %d", got, want)
	}
}

func cmdReplace(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: replace FILE OLD NEW")
	}
	old := ts.ReadFile(args[0])
	if !strings.Contains(old, args[1]) {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	// As editors do: a new file takes the name.
	path := ts.MkAbs(args[0])
	ts.Check(os.WriteFile(path+".new", []byte(strings.ReplaceAll(old, args[1], args[2])), 0o644))
	ts.Check(os.Rename(path+".new", path))
}

func cmdReadme(ts *testscript.TestScript, neg bool, args []string) {
	b, err := os.ReadFile(filepath.Join(ts.Getenv("ROOT"), "README.md"))
	ts.Check(err)
	for _, text := range args {
		if strings.Contains(string(b), text) == neg {
			ts.Fatalf("README.md: %q found: %v", text, !neg)
		}
	}
}

func cmdMoment(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: moment VARIABLE DURATION")
	}
	d, err := time.ParseDuration(args[1])
	ts.Check(err)
	ts.Setenv(args[0], time.Now().Add(d).UTC().Format(time.RFC3339))
}

func cmdNotRun(ts *testscript.TestScript, _ bool, args []string) {
	sessionOf(ts).t.Logf("NOT RUN: %s", strings.Join(args, " "))
}

func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	v, err := decode([]byte(ts.ReadFile("stdout")))
	ts.Check(err)
	missing, err := unmet(v, args)
	ts.Check(err)
	if (missing != "") != neg {
		ts.Fatalf("%s", missing)
	}
}

func cmdLet(ts *testscript.TestScript, neg bool, args []string) {
	out := ts.ReadFile("stdout")
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: let VARIABLE [PATH]")
	}
	value := strings.TrimSpace(out)
	if len(args) == 2 {
		v, err := decode([]byte(out))
		ts.Check(err)
		value = text(at(v, args[1]))
	}
	if value == "" {
		ts.Fatalf("there is nothing to call %s", args[0])
	}
	ts.Setenv(args[0], value)
}

func cmdKeys(ts *testscript.TestScript, neg bool, args []string) {
	v, err := decode([]byte(ts.ReadFile("stdout")))
	ts.Check(err)
	object, ok := at(v, args[0]).(map[string]any)
	if !ok {
		ts.Fatalf("there is no object at %s", args[0])
	}
	for _, key := range args[1:] {
		if _, has := object[key]; has == neg {
			ts.Fatalf("key %s at %s: %v", key, args[0], has)
		}
	}
}

// cmdReleases runs a release server with a key of its own, in release-key.asc
// and its address in RELEASES: releases start; releases add VERSION PROGRAM
// publishes a program; releases tamper VERSION changes a published archive;
// releases truncate VERSION; releases wrongkey changes the key that is trusted.
func cmdReleases(ts *testscript.TestScript, neg bool, args []string) {
	s := sessionOf(ts)
	if neg || len(args) == 0 {
		ts.Fatalf("usage: releases (start | add VERSION PROGRAM | tamper VERSION | truncate VERSION | wrongkey)")
	}
	key := filepath.Join(s.work, "release-key.asc")
	switch args[0] {
	case "start":
		s.releases = testrig.NewReleases(s.t)
		ts.Setenv("RELEASES", s.releases.URL)
		ts.Check(os.WriteFile(key, []byte(s.releases.Key), 0o644))
	case "wrongkey":
		ts.Check(os.WriteFile(key, []byte(testrig.NewKey(s.t)), 0o644))
	case "add":
		b, err := os.ReadFile(ts.MkAbs(args[2]))
		ts.Check(err)
		s.releases.Add(s.t, "terraform", args[1], testrig.Archive(s.t, "terraform", b))
	case "tamper":
		path := testrig.ArchivePath("terraform", args[1])
		b := append([]byte(nil), s.releases.Get(path)...)
		b[len(b)/2] ^= 1
		s.releases.Put(path, b)
	case "truncate":
		path := testrig.ArchivePath("terraform", args[1])
		b := s.releases.Get(path)
		s.releases.Put(path, b[:len(b)/2])
	default:
		ts.Fatalf("releases %s is not known", args[0])
	}
}

// cmdRegistry runs a registry of providers, whose certificate is registry.pem and
// whose name in provider addresses is REGISTRY: registry start; registry add NAME VERSION
// publishes the test provider as tfops/NAME.
func cmdRegistry(ts *testscript.TestScript, neg bool, args []string) {
	s := sessionOf(ts)
	switch {
	case neg || len(args) == 0:
		ts.Fatalf("usage: registry (start | add NAME VERSION)")
	case args[0] == "start":
		s.registry = testrig.NewRegistry(s.t)
		ts.Setenv("REGISTRY", s.registry.Host)
		ts.Check(os.WriteFile(filepath.Join(s.work, "registry.pem"), []byte(s.registry.CA), 0o644))
	case args[0] == "add" && len(args) == 3:
		s.registry.Add(s.t, args[1], args[2])
	default:
		ts.Fatalf("registry %q is not known", args)
	}
}

var advisedCommand = regexp.MustCompile(`(?:terraform|tofu) (?:init|providers lock)(?: -[^\s,;"]+)+(?: [\w.:-]+/[\w-]+/[\w-]+)*`)

// cmdAdvised runs, in a directory, each command of the engine that the last output
// advises, as somebody would who copies it: advised DIR [NAME=VALUE…]. All must succeed.
func cmdAdvised(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: advised DIR [NAME=VALUE…]")
	}
	found := advisedCommand.FindAllString(ts.ReadFile("stdout")+ts.ReadFile("stderr"), -1)
	if len(found) == 0 {
		ts.Fatalf("nothing is advised in\n%s%s", ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
	for _, text := range found {
		words := strings.Fields(text)
		// see runScripts
		cmd := exec.Command(filepath.Join(filepath.SplitList(ts.Getenv("PATH"))[1], words[0]), words[1:]...)
		cmd.Dir = ts.MkAbs(args[0])
		cmd.Env = append([]string{"PATH=" + ts.Getenv("PATH"), "HOME=" + ts.Getenv("HOME"), "CHECKPOINT_DISABLE=1"},
			args[1:]...)
		out, err := cmd.CombinedOutput()
		ts.Logf("%s\n%s", text, out)
		if err != nil {
			ts.Fatalf("what is advised does not work: %v", err)
		}
	}
}
