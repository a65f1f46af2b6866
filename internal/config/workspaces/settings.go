package workspaces

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/config/decode"
	"github.com/tfops/tfops/internal/config/problems"
	"github.com/tfops/tfops/internal/config/schema"
	"github.com/tfops/tfops/internal/drift/healing"
	"github.com/tfops/tfops/internal/workspace"
)

// settings is what a workspace or the defaults block says, each by itself.
// Plain attributes are by name, those of the drift block among them. Of a map,
// null takes away what the defaults have.
type settings struct {
	text     fields[string]
	list     fields[[]decode.Item]
	flag     fields[bool]
	number   fields[int]
	duration fields[time.Duration]
	size     fields[int64]
	share    fields[float64]

	variables          map[string]cty.Value
	backendConfig      map[string]cty.Value // completes the backend of the code
	backendConfigRange hcl.Range            // where that stands
	override           map[string]cty.Value // settings of the backend block
	env                map[string]*workspace.EnvVar
	labels             map[string]*string
	reach              map[string][]string
	inputs             map[string]workspace.Input
	rules              []approvals.Rule

	shared      []string // names of variables that only the defaults give
	sharedReach []string // keys of reach that only the defaults give
}

// fields are attributes of one type by their names.
type fields[T any] map[string]decode.Field[T]

// over is f where it says something, and d where it does not.
func (f fields[T]) over(d fields[T]) fields[T] {
	out := fields[T]{}
	maps.Copy(out, d)
	for name, own := range f {
		out[name] = own.Or(d[name])
	}
	return out
}

func read[T any](names string, one func(name string) decode.Field[T]) fields[T] {
	out := fields[T]{}
	for name := range strings.FieldsSeq(names) {
		out[name] = one(name)
	}
	return out
}

// settings reads the block and checks all that needs no other workspace.
func (r reader) settings(b decode.Block) settings {
	s := settings{
		text: read(`repository branch tag tag_prefix commit dir terraform_workspace backend engine`, b.Text),
		list: read("var_files backend_config_files", b.List),
		flag: read("apply_offline infer_dependencies", b.Flag),
		number: read("keep_runs keep_days",
			func(name string) decode.Field[int] { return b.Number(name, 0) }),
		duration: read("plan_timeout apply_timeout",
			func(name string) decode.Field[time.Duration] { return b.Duration(name, time.Second) }),
	}
	s.text["engine_version"] = b.Version("engine_version")
	s.number["parallelism"] = b.Number("parallelism", 1)
	readLimits(b, &s)
	s.text["network"], s.list["hosts"] = networkOf(b), b.List("hosts")
	r.checkHosts(s.list["hosts"])
	s.list["read"], s.list["write"] = b.Paths("read"), b.Paths("write")
	s.duration["lock_timeout"] = b.Duration("lock_timeout", 0)
	s.text["apply"] = decode.OneOf(b, "apply", workspace.Manual, workspace.Auto, workspace.Never)
	s.variables = r.values(b.Map("variables"), "invalid name of a variable",
		"cannot be declared by a variable block of Terraform")
	s.backendConfig = r.values(b.Map("backend_config"), invalidSetting, noSetting)
	s.env, s.labels = r.environment(b), b.Labels()
	maps.Copy(s.list, read("depends_on watch ignore", b.List))
	s.reach = r.reach(b)
	s.inputs = r.inputs(b)
	r.checkInputs(b, s)
	r.checkWatch(s.list["watch"].Val)
	r.checkIgnore(s.list["ignore"].Val)
	r.checkSource(s)
	if e := s.text["engine"]; e.Set && !slices.Contains(schema.Engines, e.Val) {
		r.Errorf(e.Range, "unknown value "+strconv.Quote(e.Val), "engine is one of %s.%s",
			problems.Or(schema.Engines), schema.NearestEngine(e.Val))
	}
	r.override(b, &s)
	s.rules = r.people.Approvals(r.Reader, b)
	for _, d := range b.Blocks(schema.Drift) {
		s.text["schedule"], s.text["timezone"] = d.Schedule()
		s.flag["heal"], s.list["heal_only"] = d.Flag("heal"), d.List("heal_only")
		s.duration["heal_cooldown"] = d.Duration("heal_cooldown", time.Minute)
		decode.SomeOf(d, s.list["heal_only"], "heal_only", healing.Changed, healing.Deleted,
			healing.Replaced)
	}
	return s
}

// over is s where it says something, and d where it does not. Maps are merged
// by key, rules by name, and all else is one or the other.
func (s settings) over(d settings) settings {
	below := maps.Clone(d.text)
	if s.text["branch"].Set || s.text["tag"].Set || s.text["commit"].Set { // one of them is followed
		maps.DeleteFunc(below, func(name string, _ decode.Field[string]) bool {
			return name == "branch" || name == "tag" || name == "commit"
		})
	}
	out := settings{
		text: s.text.over(below), list: s.list.over(d.list), flag: s.flag.over(d.flag),
		number: s.number.over(d.number), duration: s.duration.over(d.duration), size: s.size.over(d.size),
		share:     s.share.over(d.share),
		variables: merged(d.variables, s.variables), shared: onlyBelow(d.variables, s.variables),
		reach: merged(d.reach, s.reach), sharedReach: onlyBelow(d.reach, s.reach),
		env: merged(d.env, s.env), labels: merged(d.labels, s.labels), inputs: merged(d.inputs, s.inputs),
		rules: mergedRules(d.rules, s.rules),
	}
	out.mergeBackend(s, d)
	return out
}

func merged[V any](below, above map[string]V) map[string]V {
	out := map[string]V{}
	maps.Copy(out, below)
	maps.Copy(out, above)
	return out
}

// onlyBelow are the keys of the map below that the one above has not, sorted.
func onlyBelow[V any](below, above map[string]V) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(below)) {
		if _, ok := above[k]; !ok {
			out = append(out, k)
		}
	}
	return out
}

// mergedRules keeps the place of a rule that is declared again.
func mergedRules(below, above []approvals.Rule) []approvals.Rule {
	out := slices.Clone(below)
	for _, a := range above {
		if i := slices.IndexFunc(out, func(b approvals.Rule) bool { return b.Name == a.Name }); i >= 0 {
			out[i] = a
		} else {
			out = append(out, a)
		}
	}
	return out
}

// workspace is the settings with tfops' own defaults for the rest.
func (s settings) workspace(engine string) Workspace {
	text, list, number, duration := s.text, s.list, s.number, s.duration
	w := Workspace{Rules: s.rules, Workspace: workspace.Workspace{
		Repository:         text["repository"].Val,
		Branch:             text["branch"].OrElse("main"),
		Dir:                text["dir"].OrElse("."),
		TerraformWorkspace: text["terraform_workspace"].OrElse("default"),
		Backend:            text["backend"].Val,
		VarFiles:           decode.Values[string](list["var_files"].Val),
		Variables:          s.variables,
		SharedVariables:    s.shared,
		BackendConfig:      map[string]cty.Value{},
		BackendConfigFiles: decode.Values[string](list["backend_config_files"].Val),
		EngineVersion:      text["engine_version"].Val,
		Parallelism:        number["parallelism"].Val,
		Env:                given(s.env),
		Labels:             given(s.labels),
		Apply:              workspace.Apply(text["apply"].OrElse(string(workspace.Manual))),
		Engine:             text["engine"].OrElse(engine),
		PlanTimeout:        duration["plan_timeout"].OrElse(30 * time.Minute),
		ApplyTimeout:       duration["apply_timeout"].OrElse(2 * time.Hour),
		LockTimeout:        duration["lock_timeout"].OrElse(time.Minute),
		Limits:             s.limits(),
		Network:            workspace.Network(text["network"].Val),
		Hosts:              decode.Values[string](list["hosts"].Val),
		Read:               decode.Values[string](list["read"].Val),
		Write:              decode.Values[string](list["write"].Val),
		KeepRuns:           number["keep_runs"].OrElse(50),
		KeepDays:           number["keep_days"].OrElse(90),
		DependsOn:          decode.Values[string](list["depends_on"].Val),
		Inputs:             s.inputs,
		Watch:              decode.Values[string](list["watch"].Val),
		Ignore:             decode.Values[string](list["ignore"].Val),
		SharedReach:        s.sharedReach,
		InferDependencies:  s.flag["infer_dependencies"].OrElse(true),
		ApplyOffline:       s.flag["apply_offline"].OrElse(len(s.rules) == 0),
	}}
	if text["tag"].Val != "" || text["commit"].Val != "" {
		w.Branch, w.Tag, w.Commit = "", text["tag"].Val, text["commit"].Val
	}
	if w.Tag != "" {
		w.TagPrefix = text["tag_prefix"].Val
	}
	for name, v := range merged(s.backendConfig, s.override) { // one of them is empty
		if !v.IsNull() {
			w.BackendConfig[name] = v
		}
	}
	for expression, patterns := range s.reach {
		if patterns != nil {
			w.Reach = merged(w.Reach, map[string][]string{expression: patterns})
		}
	}
	w.Drift = Drift{Schedule: text["schedule"].Val, Timezone: text["timezone"].OrElse("UTC"), Heal: s.flag["heal"].Val,
		HealOnly:     decode.Values[healing.Repair](list["heal_only"].Val),
		HealCooldown: duration["heal_cooldown"].OrElse(time.Hour)}
	return w
}

// given are the values of a map that are not taken away.
func given[V any](all map[string]*V) map[string]V {
	out := map[string]V{}
	for name, v := range all {
		if v != nil {
			out[name] = *v
		}
	}
	return out
}
