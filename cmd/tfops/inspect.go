package main

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tfops/tfops/internal/approvals"
	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/locks"
	"github.com/tfops/tfops/internal/run"
	"github.com/tfops/tfops/internal/store"
	"github.com/tfops/tfops/internal/term"
	"github.com/tfops/tfops/internal/term/show"
	"github.com/tfops/tfops/internal/usage"
	"github.com/tfops/tfops/internal/workspace"
)

func newInspectCommand(a *app) *cobra.Command {
	var limit int
	var id string
	cmd := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Look into the store of a stopped daemon, or into a backup",
		Long: `Look into a tfops.db without a daemon and without changing it: runs, workspaces,
locks and decisions; with --run, all that is stored about one run. FILE may be
the data directory as well. A store that a daemon has open is refused: ask that
daemon. JSON and YAML show the records as they are stored, which may differ
from one release to the next.`,
		Example: `  tfops inspect /var/lib/tfops/tfops.db
  tfops inspect backup.db --run 0k1v8m3pq4rs -o json`,
		Args: usage.Takes("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 0 {
				return fault.New(fault.Invalid, "use 0 for all", "--limit %d is below zero", limit)
			}
			path := args[0]
			if info, err := os.Stat(path); err == nil && info.IsDir() {
				path = filepath.Join(path, "tfops.db")
			}
			if err := looksLikeStore(path); err != nil {
				return err
			}
			s, err := store.Open(path, store.Options{ReadOnly: true, Now: a.now})
			if err != nil {
				return err
			}
			defer s.Close()
			if id != "" {
				return a.inspectRun(cmd.Context(), s, id)
			}
			return a.inspect(cmd.Context(), s, limit)
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 20, "how many runs and decisions to show, newest first; 0 for all")
	cmd.Flags().StringVar(&id, "run", "", "show all that is stored about this `RUN`")
	_ = cmd.RegisterFlagCompletionFunc("run", cobra.NoFileCompletions)
	return cmd
}

// looksLikeStore refuses a file that never was a store, which is no reason to
// speak of damage. A store begins with two pages of metadata, each with
// bbolt's magic number behind a header of 16 bytes; one of them suffices, and
// the size of a page is that of the machine that made it. What cannot be read,
// or is empty, is left to whoever opens the store.
func looksLikeStore(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	begin := make([]byte, 64<<10+20)
	n, err := io.ReadFull(f, begin)
	if n == 0 || err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	for page := 0; page+20 <= n; page = max(2*page, 1<<10) {
		if binary.NativeEndian.Uint32(begin[page+16:]) == 0xED0CDAED {
			return nil
		}
	}
	return fault.New(fault.Invalid, "name a tfops.db, the data directory that it is in, or a file that tfops backup wrote", "%s is not a tfops store", path)
}

// contents is the result of inspect.
type contents struct {
	Workspaces []workspace.Record `json:"workspaces"`
	Runs       []run.Run          `json:"runs"` // newest first
	Locks      []locks.Lock       `json:"locks"`
	Audit      []run.Audit        `json:"audit"` // newest first
}

func (a *app) inspect(ctx context.Context, s *store.Store, limit int) error {
	c := contents{Workspaces: []workspace.Record{}, Runs: []run.Run{}, Locks: []locks.Lock{}, Audit: []run.Audit{}}
	records, err := s.Records(ctx)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(records)) {
		c.Workspaces = append(c.Workspaces, records[name])
	}
	runs, err := s.Runs(ctx, run.Query{Limit: limit})
	if err != nil {
		return err
	}
	queue, err := s.Queue(ctx)
	if err != nil {
		return err
	}
	c.Locks = slices.AppendSeq(c.Locks, queue.Locks())
	audits, err := s.Audits(ctx, limit)
	if err != nil {
		return err
	}
	c.Runs, c.Audit = append(c.Runs, runs...), append(c.Audit, audits...)
	return a.print(c, func() { a.tellContents(c) })
}

func (a *app) tellContents(c contents) {
	p := a.term()
	section := func(title string, header []string, rows [][]term.Cell) {
		p.Heading(title)
		if len(rows) == 0 {
			p.Printf("  none\n")
		} else {
			show.Table(a.term(), header, rows)
		}
		p.Printf("")
	}
	var rows [][]term.Cell
	for _, w := range c.Workspaces {
		held := ""
		if w.Suspended(a.now()) {
			held = "suspended by " + w.Suspension.By + ": " + w.Suspension.Reason
		}
		rows = append(rows, term.Cells(w.Name, show.ShortCommit(w.Desired), show.ShortCommit(w.Applied), string(w.Drift.Status), show.When(w.Drift.CheckedAt), w.State, held))
	}
	section("Workspaces", []string{"WORKSPACE", "DESIRED", "APPLIED", "DRIFT", "CHECKED", "STATE", "SUSPENDED"}, rows)
	rows = nil
	for _, r := range c.Runs {
		rows = append(rows, []term.Cell{{Text: r.ID}, {Text: r.Workspace}, {Text: string(r.Kind)}, {Text: string(r.Status), Tone: show.Tone(string(r.Status))},
			{Text: show.ShortCommit(r.Commit.SHA)}, {Text: show.When(r.CreatedAt)}, {Text: failureText(r)}})
	}
	section("Runs", []string{"RUN", "WORKSPACE", "KIND", "STATUS", "COMMIT", "CREATED", "WHY"}, rows)
	rows = nil
	for _, l := range c.Locks {
		rows = append(rows, term.Cells(l.State, l.Holder(), show.When(l.Since), l.Reason))
	}
	section("Locks", []string{"STATE", "HOLDER", "SINCE", "REASON"}, rows)
	p.Heading("Audit")
	rows = nil
	for _, d := range c.Audit {
		rows = append(rows, term.Cells(show.When(d.At), d.Actor, d.Via, d.Action, d.Workspace, d.Run, d.Reason))
	}
	show.Table(a.term(), []string{"TIME", "WHO", "VIA", "WHAT", "WORKSPACE", "RUN", "WHY"}, rows)
}

func failureText(r run.Run) string {
	if r.Failure != nil {
		return r.Failure.Message
	}
	return strings.Join(slices.DeleteFunc([]string{string(r.Reason), r.Comment}, func(s string) bool { return s == "" }), ": ")
}

// storedRun is all that is stored about a run.
type storedRun struct {
	run.Run
	Votes  []approvals.Vote `json:"votes"`
	Events []run.Event      `json:"events"`
}

func (a *app) inspectRun(ctx context.Context, s *store.Store, id string) error {
	found, events, err := s.Load(ctx, id)
	if err != nil {
		return err
	}
	d := storedRun{Run: found.Run, Votes: append([]approvals.Vote{}, found.Votes...), Events: append([]run.Event{}, events...)}
	return a.print(d, func() { a.tellStored(d) })
}

func (a *app) tellStored(d storedRun) {
	facts := []term.KeyValue{
		{Key: "Run", Value: d.ID}, {Key: "Workspace", Value: d.Workspace}, {Key: "Kind", Value: string(d.Kind)},
		{Key: "Status", Value: string(d.Status), Tone: show.Tone(string(d.Status))}, {Key: "Why", Value: failureText(d.Run)},
		{Key: "Commit", Value: d.Commit.SHA}, {Key: "Asked for by", Value: strings.TrimSpace(string(d.Trigger.Cause) + " " + d.Trigger.Actor)},
		{Key: "State", Value: d.State}, {Key: "Attempt", Value: strconv.Itoa(d.Attempt)},
	}
	if d.Plan != nil {
		facts = append(facts, term.KeyValue{Key: "Plan", Value: d.Plan.Counts.String()}, term.KeyValue{Key: "Digest", Value: d.Plan.Digest})
	}
	if d.Failure != nil {
		facts = append(facts, term.KeyValue{Key: "Diagnostics", Value: d.Failure.Detail})
	}
	p := a.term()
	p.KeyValues(facts)
	var rows [][]term.Cell
	for _, v := range d.Votes {
		rows = append(rows, term.Cells(show.When(v.At), v.Voter, show.YesNo(v.Yes), v.Digest, v.Comment))
	}
	p.Printf("")
	show.Table(a.term(), []string{"VOTED", "WHO", "VOTE", "PLAN", "COMMENT"}, rows)
	rows = nil
	for _, e := range d.Events {
		rows = append(rows, term.Cells(show.When(e.At), string(e.To), e.Actor, e.Text))
	}
	p.Printf("")
	show.Table(a.term(), []string{"TIME", "STATUS", "WHO", "WHAT"}, rows)
}
