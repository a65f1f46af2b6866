package gitrepo_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tfops/tfops/internal/gitrepo"
	"github.com/tfops/tfops/internal/gitrepo/remote"
	"github.com/tfops/tfops/internal/gitrepo/trees"
	"github.com/tfops/tfops/internal/testrig"
)

// maxMemory is what the process may take at most, in bytes: the whole daemon
// stays below it, whatever a repository holds.
const maxMemory = 120 << 20

// mirrorJob is what a process of its own does whose memory is measured.
type mirrorJob struct {
	URL, Dir string
	Commits  []string // to be exported, one after the other
}

const mirrorEnv = "TFOPS_TEST_MIRROR"

// mirrorProcess runs in the test's own program when it is started for that: it
// fetches, exports, packs anew and prints the most memory that it took.
func mirrorProcess(raw string) error {
	var job mirrorJob
	if err := json.Unmarshal([]byte(raw), &job); err != nil {
		return err
	}
	ctx, done := context.WithTimeout(context.Background(), 5*time.Minute)
	defer done()
	m, err := gitrepo.Open(filepath.Join(job.Dir, "m.git"), remote.Remote{Name: "infra", URL: job.URL})
	if err != nil {
		return err
	}
	defer m.Close()
	if _, err := m.Fetch(ctx); err != nil {
		return err
	}
	for i, sha := range job.Commits {
		dst := filepath.Join(job.Dir, fmt.Sprint("tree", i))
		if _, err := m.Export(ctx, sha, dst, trees.Base{}); err != nil {
			return err
		}
		if err := os.RemoveAll(dst); err != nil {
			return err
		}
	}
	peak, err := peakMemory()
	fmt.Println(peak)
	return err
}

// peakMemory is the most memory that this process took so far, in bytes.
func peakMemory() (int64, error) {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("the kernel does not say how much memory was used")
}

// measured runs a job in a process of its own and returns its peak, in bytes.
func measured(t testing.TB, job mirrorJob) int64 {
	t.Helper()
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("NOT RUN: this system does not say how much memory a process took")
	}
	raw, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), mirrorEnv+"="+string(raw))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	peak, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return peak
}

// writeNoise writes a file that cannot be compressed.
func writeNoise(t testing.TB, path string, seed byte, megabytes int64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	_, err = io.CopyN(w, rand.NewChaCha8([32]byte{seed}), megabytes<<20)
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// heavy makes a repository with blobs of those sizes, in megabytes, and a large
// one that is stored as a delta, and returns its URL, its directory and its two
// commits.
func heavy(t testing.TB, sizes ...int64) (url, dir string, commits []string) {
	t.Helper()
	git := realGit(t)
	root := t.TempDir()
	work := filepath.Join(root, "repo")
	git(root, "init", "-q", "-b", "main", work)
	for _, kv := range [][2]string{{"core.compression", "0"}, {"core.bigFileThreshold", "100m"}, {"pack.window", "5"}} {
		git(work, "config", kv[0], kv[1])
	}
	for i, mb := range sizes {
		writeNoise(t, filepath.Join(work, fmt.Sprint("blob", i)), byte(i), mb)
	}
	writeNoise(t, filepath.Join(work, "moving"), 200, 12)
	for i := range 2 {
		f, err := os.OpenFile(filepath.Join(work, "moving"), os.O_APPEND|os.O_WRONLY, 0)
		if err == nil {
			_, err = fmt.Fprintln(f, i)
		}
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		git(work, "add", "-A")
		git(work, "commit", "-q", "-m", fmt.Sprint(i))
		commits = append(commits, git(work, "rev-parse", "HEAD"))
	}
	git(work, "repack", "-q", "-a", "-d", "-f")
	return serveRealGit(t, git, root) + "/repo/.git", work, commits
}

// TestMemory: whatever a repository holds passes through a bounded amount of
// memory, from a server and from a disk, on its way in and out.
func TestMemory(t *testing.T) {
	if !testrig.Long(t, "what a large repository takes of memory") {
		return
	}
	url, dir, commits := heavy(t, 200)
	for name, from := range map[string]string{"http": url, "local": dir} {
		t.Run(name, func(t *testing.T) {
			peak := measured(t, mirrorJob{URL: from, Dir: t.TempDir(), Commits: commits})
			t.Logf("%d MB at most", peak>>20)
			if peak > maxMemory {
				t.Errorf("the process took %d MB, more than %d", peak>>20, maxMemory>>20)
			}
		})
	}
}

// BenchmarkMemory measures a blob of a gigabyte, and a repository of five.
func BenchmarkMemory(b *testing.B) {
	for name, sizes := range map[string][]int64{"1GB": {1024}, "5GB": {800, 800, 800, 800, 800, 800}} {
		b.Run(name, func(b *testing.B) {
			url, _, commits := heavy(b, sizes...)
			for b.Loop() {
				b.ReportMetric(float64(measured(b, mirrorJob{URL: url, Dir: b.TempDir(), Commits: commits[1:]})>>20),
					"peak-MB")
			}
		})
	}
}
