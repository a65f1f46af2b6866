package config

import (
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/drift"
	"github.com/tfops/tfops/internal/drift/schedule"
	"github.com/tfops/tfops/internal/lazily"
	"github.com/tfops/tfops/internal/workspace"
)

// settings is what a workspace or the defaults block says, each by itself.
type settings struct {
	repository, branch, dir   field[string]
	tag, tagPrefix, commit    field[string]
	tfWorkspace, engine       field[string]
	backend                   field[string]        // what takes the place of the code's own: "managed" or a type
	override                  map[string]cty.Value // the settings of such a type; null: not that of the defaults
	apply                     field[string]
	applyOffline              field[bool]
	varFiles                  field[[]item]
	variables                 map[string]cty.Value
	shared                    []string             // names of variables that only the defaults give
	backendConfig             map[string]cty.Value // null: not that of the defaults
	backendConfigRange        hcl.Range            // where that stands
	backendConfigFiles        field[[]item]
	engineVersion             field[string]
	parallelism               field[int]
	env                       map[string]*workspace.EnvVar // nil: not that of the defaults
	labels                    map[string]*string           // nil: not that of the defaults
	planTimeout, applyTimeout field[time.Duration]
	lockTimeout               field[time.Duration]
	keepRuns, keepDays        field[int]
	rules                     []approvals.Rule
	schedule, timezone        field[string]
	heal                      field[bool]
	healOnly                  field[[]item]
	healCooldown              field[time.Duration]
	dependsOn, watch, ignore  field[[]item]
	infer                     field[bool]
	reach                     map[string][]string // nil: not that of the defaults
	sharedReach               []string            // keys of reach that only the defaults give
	inputs                    map[string]workspace.Input
}

// settings reads the block and checks all that needs no other block.
func (r *reader) settings(c *Config, b block, src []byte) settings {
	s := settings{
		repository: b.text("repository", shown), branch: b.text("branch", shown), tag: b.text("tag", shown), tagPrefix: b.text("tag_prefix", shown), commit: b.text("commit", shown), dir: b.text("dir", shown),
		tfWorkspace: b.text("terraform_workspace", shown), engine: b.text("engine", shown), apply: b.text("apply", shown), applyOffline: b.flag("apply_offline"),
		backend:            b.text("backend", shown),
		varFiles:           b.list("var_files"),
		backendConfigFiles: b.list("backend_config_files"),
		engineVersion:      b.text("engine_version", shown), parallelism: b.number("parallelism", 1),
		planTimeout: b.duration("plan_timeout", time.Second), applyTimeout: b.duration("apply_timeout", time.Second),
		lockTimeout: b.duration("lock_timeout", 0),
		keepRuns:    b.number("keep_runs", 0), keepDays: b.number("keep_days", 0),
	}
	s.variables = r.values(b, "variables", "invalid name of a variable", "cannot be declared by a variable block of Terraform")
	s.backendConfig = r.values(b, "backend_config", "invalid name of a setting", "is no setting of any backend")
	r.checkVersion(s.engineVersion)
	s.env = r.environment(b)
	s.labels = r.labels(b)
	s.dependsOn, s.watch, s.ignore, s.infer = b.list("depends_on"), b.list("watch"), b.list("ignore"), b.flag("infer_dependencies")
	s.inputs = r.inputs(b, src)
	r.checkInputs(b, s)
	r.checkWatch(s.watch.val)
	r.checkIgnore(s.ignore.val)
	s.reach = r.reach(b)
	r.checkRepository(c, s.repository)
	r.checkBranch(s.branch)
	r.checkFollowed(&s)
	r.checkTerraformWorkspace(s.tfWorkspace)
	r.checkDir(&s.dir)
	if s.engine.set && !slices.Contains(engineNames, s.engine.val) {
		r.errorAt(s.engine.rng, "unknown value "+quote(s.engine.val), "engine is one of %s.%s", orList(engineNames), nearestEngine(s.engine.val))
	}
	r.override(b, &s)
	r.checkOneOf(s.apply, "apply", []string{string(workspace.Manual), string(workspace.Auto), string(workspace.Never)})
	s.rules = r.rules(c, b.blocks(approvalKind), src)
	for _, d := range b.blocks(driftKind) {
		s.schedule, s.timezone = d.text("schedule", shown), d.text("timezone", shown)
		r.checkSchedule(&s.schedule, &s.timezone)
		s.heal, s.healOnly, s.healCooldown = d.flag("heal"), d.list("heal_only"), d.duration("heal_cooldown", time.Minute)
		r.checkSome(s.healOnly, "heal_only", []string{string(drift.Changed), string(drift.Deleted)})
	}
	return s
}

// values is a map of values of any type by names that Terraform can have.
func (r *reader) values(b block, attr, summary, why string) map[string]cty.Value {
	return r.valuesOf(b.object(attr), summary, why)
}

func (r *reader) valuesOf(written entries, summary, why string) map[string]cty.Value {
	values := map[string]cty.Value{}
	for _, name := range written.sorted() {
		e := written[name]
		if !hclsyntax.ValidIdentifier(name) {
			r.errorAt(e.rng, summary, "%s %s.", e.name, why)
		}
		if !e.ok {
			continue
		}
		values[name] = e.val
		bare, _ := e.val.UnmarkDeep()
		_ = cty.Walk(bare, func(_ cty.Path, v cty.Value) (bool, error) {
			if v.Type() == cty.Number && v.IsKnown() && !v.IsNull() && !sane(v) {
				r.errorAt(e.rng, "number out of range", "%s has a number that is too large or too small to be used.", e.name)
			}
			return true, nil
		})
	}
	return values
}

func (r *reader) environment(b block) map[string]*workspace.EnvVar {
	written := b.object("env")
	out := map[string]*workspace.EnvVar{}
	for _, name := range written.sorted() {
		e := written[name]
		switch why := reservedEnv(name); {
		case !envName().MatchString(name):
			r.errorAt(e.rng, "invalid name of an environment variable", "%s has other characters than letters, digits and underscores, or begins with a digit.", e.name)
		case why != "":
			r.errorAt(e.rng, "variable of the engine", "%s", why)
		}
		text, ok := r.mapText(e, "env")
		if ok && text != nil && strings.ContainsRune(*text, 0) {
			r.errorAt(e.rng, "invalid value of an environment variable", "%s holds a NUL character.", e.name)
		}
		out[name] = nil
		if text != nil {
			out[name] = &workspace.EnvVar{Value: *text, Secret: workspace.IsSecret(e.val)}
		}
	}
	return out
}

// labelName keeps labels usable as NAME=VALUE on a command line.
var labelName = lazily.Pattern(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$`)

func (r *reader) labels(b block) map[string]*string {
	written := b.object("labels")
	out := map[string]*string{}
	for _, name := range written.sorted() {
		e := written[name]
		if !labelName().MatchString(name) {
			r.errorAt(e.rng, "invalid name of a label", "The name of a label has letters, digits, dots, underscores, slashes and hyphens, and begins with a letter or a digit.")
		}
		if e.ok && workspace.IsSecret(e.val) {
			r.errorAt(e.rng, noSecret, "labels are shown to people, and what env and file return is kept secret. Write the value itself.")
			continue
		}
		out[name], _ = r.mapText(e, "labels")
	}
	return out
}

// mapText is a map's value as text; nil for null and for what is mistaken.
func (r *reader) mapText(e entry, what string) (*string, bool) {
	if !e.ok {
		return nil, false
	}
	v, _ := e.val.UnmarkDeep()
	t, err := convert.Convert(v, cty.String)
	if err != nil {
		r.errorAt(e.rng, "wrong type", "The values of %s are strings, and this is %s. jsonencode makes a string of it.", what, valueName(v.Type()))
		return nil, false
	}
	if t.IsNull() {
		return nil, true
	}
	s := t.AsString()
	return &s, true
}

func (r *reader) checkRepository(c *Config, f field[string]) {
	if !f.set {
		return
	}
	var known []string
	for _, repo := range c.Repositories {
		if repo.Name == f.val {
			return
		}
		known = append(known, repo.Name)
	}
	if len(known) == 0 {
		r.missingAt(f.rng, "unknown repository "+quote(f.val), "The file has no repository block. Write one: repository %q { url = \"…\" }", f.val)
		return
	}
	r.missingAt(f.rng, "unknown repository "+quote(f.val), "No repository block has this name.%s", didYouMean(f.val, known))
}

// checkBranch follows git check-ref-format, as far as mistakes are likely.
func (r *reader) checkBranch(f field[string]) {
	if !f.set {
		return
	}
	bad := f.val == "" || strings.ContainsAny(f.val, " ~^:?*[\\\x7f") || strings.Contains(f.val, "..") || strings.Contains(f.val, "@{") ||
		strings.Contains(f.val, "//") || strings.HasPrefix(f.val, "/") || strings.HasSuffix(f.val, "/") || strings.HasPrefix(f.val, "-") ||
		strings.HasSuffix(f.val, ".lock") || strings.HasSuffix(f.val, ".") || strings.ContainsFunc(f.val, func(c rune) bool { return c < 0x20 })
	if bad {
		r.errorAt(f.rng, "not the name of a branch", "branch is one branch of the repository, for example \"main\", without refs/heads/ and without patterns.")
	} else if short, ok := strings.CutPrefix(f.val, "refs/heads/"); ok {
		r.errorAt(f.rng, "not the name of a branch", "Leave out refs/heads/: branch = %q", short)
	}
}

// checkTerraformWorkspace follows Terraform: a workspace's name stands in URLs
// of backends as it is.
func (r *reader) checkTerraformWorkspace(f field[string]) {
	switch {
	case !f.set:
	case f.val == "" || f.val == "." || f.val == "..":
		r.errorAt(f.rng, "not a Terraform workspace", "terraform_workspace is the name of a Terraform workspace, \"default\" unless you use others.")
	case f.val != url.PathEscape(f.val):
		r.errorAt(f.rng, "not a Terraform workspace", "Terraform takes names only that stand in a URL as they are. Use %q, for example.", slug(f.val))
	}
}

var notSlug = lazily.Pattern(`[^A-Za-z0-9._-]+`)

// slug is text with what a name cannot have replaced by hyphens.
func slug(s string) string {
	if s = strings.Trim(notSlug().ReplaceAllString(s, "-"), "-."); s == "" {
		return "default"
	}
	return s
}

func (r *reader) checkDir(f *field[string]) {
	if !f.set {
		return
	}
	clean := path.Clean(f.val)
	switch {
	case path.IsAbs(f.val):
		r.errorAt(f.rng, "absolute directory", "dir is relative to the root of the repository, which is \".\".")
	case clean == ".." || strings.HasPrefix(clean, "../"):
		r.errorAt(f.rng, "directory outside of the repository", "dir may not climb out of the repository with \"..\".")
	case strings.ContainsRune(f.val, 0):
		r.errorAt(f.rng, "invalid directory", "dir holds a NUL character.")
	case strings.ContainsAny(f.val, "*?["):
		r.errorAt(f.rng, "pattern instead of a directory", "dir is one directory. A workspaces block makes a workspace of each directory that matches: dirs = [%q]", f.val)
	}
	f.val = clean
}

func (r *reader) checkOneOf(f field[string], name string, allowed []string) {
	if f.set && !slices.Contains(allowed, f.val) {
		r.errorAt(f.rng, "unknown value "+quote(f.val), "%s is one of %s.%s", name, orList(allowed), didYouMean(f.val, allowed))
	}
}

// orList is `"a", "b" or "c"`.
func orList(words []string) string {
	var quoted []string
	for _, w := range words {
		quoted = append(quoted, quote(w))
	}
	last := len(quoted) - 1
	return strings.Join(quoted[:last], ", ") + " or " + quoted[last]
}

// checkSchedule checks each of the two by itself, so that the mistake is shown
// at the one that has it.
func (r *reader) checkSchedule(times, timezone *field[string]) {
	if timezone.set {
		if _, err := time.LoadLocation(timezone.val); err != nil || timezone.val == "" {
			r.errorAt(timezone.rng, "unknown time zone "+quote(timezone.val), "timezone is a name of the tz database, for example \"UTC\" or \"Europe/Paris\".")
		}
	}
	if !times.set || times.val == "" {
		return
	}
	const forms = "schedule has five fields: minute, hour, day of month, month, day of week, for example \"0 2 * * *\"; or it is @hourly, @daily, @weekly, @monthly or @every 6h."
	if strings.HasPrefix(times.val, "TZ=") || strings.HasPrefix(times.val, "CRON_TZ=") {
		r.errorAt(times.rng, "time zone in a schedule", "Give it with timezone = \"…\" beside the schedule.")
		return
	}
	if every, ok := strings.CutPrefix(times.val, "@every "); ok {
		times.val = "@every " + inHours(every)
	}
	s, err := schedule.Parse(times.val, "UTC")
	if err != nil {
		r.errorAt(times.rng, "not a schedule", forms)
	} else if s.Next("", time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		r.errorAt(times.rng, "a schedule that never comes", "No day fits it. %s", upperFirst(forms))
	}
}
