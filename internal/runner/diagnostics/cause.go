package diagnostics

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/lazyregexp"
)

// What the engines and their providers say when something failed that is not
// the configuration's fault. They have no codes for it, only text.
var (
	diskText     = lazyregexp.New(`(?i)no space left on device|read-only file system|disk quota exceeded`)
	filesText    = lazyregexp.New(`(?i)too many open files`)
	forkText     = lazyregexp.New(`(?i)fork/exec [^\n:]*: (?:resource temporarily unavailable|cannot allocate memory)`)
	throttleText = lazyregexp.New(`(?i)too many requests|status ?code:? 429|error 429|throttl|RequestLimitExceeded|rate exceeded|rate ?limit|SlowDown\b`)
	networkText  = lazyregexp.New(`(?i)connection refused|connection reset|i/o timeout|no such host|TLS handshake timeout|network is unreachable|no route to host|` +
		`Client\.Timeout exceeded|temporary failure in name resolution|server misbehaving|502 Bad Gateway|503 Service Unavailable|504 Gateway Time`)
	cutText = lazyregexp.New(`(?i)Unsupported state file format:?[^\n]*`)
	// Two inits that make the same table, schema or sequence at once: one loses.
	// Only a backend's own objects count: a provider's database may say the same
	// for good.
	raceText = lazyregexp.New(`(?i)tuple concurrently updated|deadlock detected|could not serialize access|` +
		`duplicate key value violates unique constraint "pg_(?:namespace|type|class|proc)_|` +
		`(?:schema|relation|sequence|type) "[^"]*" already exists`)
	releaseText = lazyregexp.New(`(?s)^.*?Error message: (.*?)\n\s*\n.*$`)
	inputNamed  = lazyregexp.New(`input variable "([^"]+)" is not set`)
	initSummary = []string{
		"Backend initialization required", "Backend configuration changed", "Inconsistent dependency lock file",
		"Module not installed",
		"Module source has changed", "Module version requirements have changed", "Required plugins are not installed",
		"Missing required provider", "Initialization required", "Backend type changed",
		"State store initialization required",
	}
	initAdvice = lazyregexp.New(`(?:terraform|tofu)\s+init\b`)
)

// NeedsInit reports whether the engine asks for init.
func NeedsInit(all []job.Diagnostic) bool {
	return slices.ContainsFunc(ErrorsOf(all), func(d job.Diagnostic) bool {
		return slices.ContainsFunc(initSummary, func(s string) bool { return strings.Contains(d.Summary, s) }) ||
			initAdvice().MatchString(d.Summary) || initAdvice().MatchString(d.Detail)
	})
}

// Explain makes one sentence, and what to do next, of the errors with which
// a command of the engine failed. what is e.g. "terraform plan".
func Explain(what string, all []job.Diagnostic, plain string) *Failure {
	errs := ErrorsOf(all)
	text := plain
	for _, d := range errs {
		text += "\n" + d.Summary + "\n" + d.Detail
	}
	flat := OneLine(text)
	f := &Failure{Outcome: job.Failed, Cause: job.CauseEngine, Message: headline(what, errs, plain)}
	switch {
	case diskText().MatchString(flat):
		f.Cause, f.Next = job.CauseDisk, "make room on the disk, or make it writable, then run it again"
	case filesText().MatchString(flat):
		f.Cause, f.Message, f.Next = job.CauseMachine, what+" failed: too many open files: "+
			OneLine(cmp.Or(firstMatch(errs,
				"open files"), plain)), lackNext(unix.EMFILE)
	case forkText().MatchString(text):
		f.Cause, f.Next = job.CauseMachine, "the machine has no room for more processes: "+
			lackNext(&fs.PathError{Op: "fork/exec", Err: unix.EAGAIN})
	case strings.Contains(text, "Saved plan is stale") || strings.Contains(text, "saved plan is stale"):
		f.Cause, f.Next = job.CauseStale, "make a new plan: the state has moved on since this one was made"
	case cutText().MatchString(text): // Terraform says that it could not lock it
		f.Cause, f.Message = job.CauseState, what+" failed: the state is cut or damaged, and not locked by anybody: "+
			OneLine(cutText().FindString(text))
		f.Next = "restore the state from a backup or an earlier version that its backend keeps; look at it: `state " +
			"pull` " +
			"of the engine in the root module"
	case onlyKeptLock(errs):
		f.Cause, f.Message = job.CauseLocked, what+" did its work, and its lock on the state was not released: "+
			OneLine(releaseText().ReplaceAllString(errs[0].Detail, "$1"))
		f.Next = "the backend may hold it still: a plan that meets it names its ID, for `force-unlock ID` of the " +
			"engine in " +
			"the root module"
	case lockedText().MatchString(text):
		f.Lock = readLock(text, SelfName(), processBegan)
		f.Cause, f.Message, f.Next = job.CauseLocked, what+" could not lock the state: "+f.Lock.String(), f.Lock.Next()
	case strings.HasSuffix(what, " init") && raceText().MatchString(flat):
		f.Cause, f.Next = job.CauseRace, "it passes by itself: another init made the same tables of the backend at "+
			"the same moment"
	case lockFileNext(what, text) != "":
		f.Next = lockFileNext(what, text)
	case throttleText().MatchString(flat):
		f.Cause, f.Next = job.CauseThrottled, "it may pass by itself; try again later"
	case networkText().MatchString(flat):
		f.Cause, f.Next = job.CauseNetwork, "it may pass by itself; see whether the address in the message can be "+
			"reached from here"
	case strings.Contains(text, "Error acquiring the state lock"):
		f.Cause, f.Next = job.CauseLocked, "wait for whoever holds the lock"
	case strings.Contains(flat, "No value for required variable"):
		f.Next = fmt.Sprintf("set %s in the workspace's variables or var_files, or give it a default", variables(text))
	}
	return f
}

// onlyKeptLock reports whether everything was done but that the lock was given back.
func onlyKeptLock(errs []job.Diagnostic) bool {
	return len(errs) > 0 && !slices.ContainsFunc(errs, func(d job.Diagnostic) bool {
		return !strings.Contains(d.Summary, "Error releasing the state lock")
	})
}

// lackNext is what to do about what the machine lacks.
func lackNext(err error) string {
	l, _ := fault.LackOf(err)
	return l.Next
}

// firstMatch is the first error that holds the text.
func firstMatch(errs []job.Diagnostic, text string) string {
	for _, d := range errs {
		if strings.Contains(d.Summary+" "+d.Detail, text) {
			return d.Summary + ": " + d.Detail
		}
	}
	return ""
}

func headline(what string, errs []job.Diagnostic, plain string) string {
	if len(errs) == 0 {
		if line := firstLine(plain); line != "" {
			return what + " failed: " + line
		}
		return what + " failed and gave no reason"
	}
	d := errs[0]
	text := what + " failed: " + OneLine(d.Summary)
	if d.File != "" {
		text += fmt.Sprintf(" (%s line %d)", d.File, d.Line)
	} else if d.Address != "" {
		text += " (" + d.Address + ")"
	}
	switch more := len(errs) - 1; more {
	case 0:
	case 1:
		text += ", and one more error"
	default:
		text += fmt.Sprintf(", and %d more errors", more)
	}
	return text
}

func firstLine(text string) string {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			return line
		}
	}
	return ""
}

// OneLine is a text in one line: engines break lines within sentences.
func OneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func variables(text string) string {
	var names []string
	for _, m := range inputNamed().FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	if len(names) == 0 {
		return "the missing variable"
	}
	return strings.Join(names, ", ")
}
