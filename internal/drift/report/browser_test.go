package report_test

import (
	"bytes"
	"context"
	_ "embed"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/tfops/tfops/internal/drift/report"
)

//go:embed testdata/look.js
var look string

// tab is a page of a real browser, and what it asked for.
type tab struct {
	t     *testing.T
	ctx   context.Context
	mu    sync.Mutex
	asked []string
}

// newTab starts a browser of its own. Without one the test fails: nothing else
// shows what a person sees.
func newTab(t *testing.T) *tab {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Fatal("there is no chromium on PATH; install it: apt-get install -y --no-install-recommends chromium")
	}
	dir := t.TempDir()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.UserDataDir(filepath.Join(dir, "profile")), chromedp.Env("TMPDIR="+dir),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	ctx, closed := chromedp.NewContext(ctx)
	t.Cleanup(closed)
	b := &tab{t: t, ctx: ctx}
	b.do(chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, network.Enable, network.EnableParams{})
		return err
	}))
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *tab) listen(event any) {
	if e, ok := event.(*network.EventRequestWillBeSent); ok {
		b.mu.Lock()
		b.asked = append(b.asked, e.Request.URL)
		b.mu.Unlock()
	}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// open shows a page in a theme and width.
func (b *tab) open(url, theme, media string, width int64) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, 900), chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: media,
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}})
		return err
	}), chromedp.Navigate(url))
}

// look asks the page with one of the functions of look.js, each of which lists
// what is wrong.
func (b *tab) look(function string) []string {
	b.t.Helper()
	out, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]string](look+"\n"+function))
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

// served serves what each path names and lists what was asked for.
func served(t *testing.T, pages map[string][]byte) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page, ok := pages[r.URL.Path]
		if !ok {
			t.Errorf("the page asks for %s", r.URL)
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(page)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// Every night is a page that can be read in both themes, on a phone and on
// paper, and that asks nobody for anything.
func TestPageInABrowser(t *testing.T) {
	pages := map[string][]byte{}
	for name, night := range nights {
		pages["/"+name] = rendered(t, report.Build(night()), "html")
	}
	long := words("a", strings.Repeat("Wwww", 60), "module.x[\""+strings.Repeat("k", 300)+"\"]", "",
		"日本語"+strings.Repeat("語", 90))
	pages["/hostile"] = rendered(t, report.Build(newFleet(3, 9, long).in), "html")
	url := served(t, pages)
	b := newTab(t)
	for path := range pages {
		for _, theme := range []string{"light", "dark"} {
			for _, width := range []int64{390, 768, 1280} {
				b.open(url+path, theme, "screen", width)
				for _, function := range []string{"theme('" + theme + "')", "overflow()", "contrast()", "headings()",
					"tables()"} {
					if wrong := b.look(function); len(wrong) > 0 {
						t.Errorf("%s, %s, %d px wide: %s: %s", path, theme, width, function,
							strings.Join(wrong[:min(len(wrong), 5)], "\n"))
					}
				}
			}
		}
		b.open(url+path, "dark", "print", 718) // A4 within margins
		for _, function := range []string{"theme('light')", "overflow()", "contrast()", "printed()"} {
			if wrong := b.look(function); len(wrong) > 0 {
				t.Errorf("%s in print: %s: %s", path, function, strings.Join(wrong[:min(len(wrong), 5)], "\n"))
			}
		}
		pdf, err := chromedp.Run(b.ctx, chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4)))
		if err != nil {
			t.Fatal(err)
		}
		if n := len(regexp.MustCompile(`/Type\s*/Page\b[^s]`).FindAll(pdf, -1)); n == 0 ||
			!bytes.HasPrefix(pdf, []byte("%PDF-")) {
			t.Errorf("%s prints to %d pages", path, n)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	seen := 0
	for _, u := range b.asked {
		if _, ok := pages[strings.TrimPrefix(u, url)]; ok && strings.HasPrefix(u, url) {
			seen++
		} else if !strings.HasPrefix(u, "data:") {
			t.Errorf("a page asks for %s", u)
		}
	}
	if seen != 7*len(pages) {
		t.Errorf("%d requests were seen for %d openings, so others may have been missed", seen, 7*len(pages))
	}
}

// The looks can see what they look for.
func TestLooksSee(t *testing.T) {
	pages := map[string][]byte{
		"/overflow()":     []byte(`<body><div style="width:2000px">x</div>`),
		"/contrast()":     []byte(`<body style="background:#fff"><p style="color:#777">pale</p>`),
		"/headings()":     []byte(`<h1>a</h1><h3>b</h3>`),
		"/tables()":       []byte(`<table><tr><td>a</td></tr></table>`),
		"/printed()":      []byte(`<details><summary>a</summary><p>b</p></details>`),
		"/theme('light')": []byte(`<body style="background:#000;color:#fff">x`),
	}
	for path := range pages {
		pages[path] = append([]byte(`<link rel="icon" href="data:,">`), pages[path]...)
	}
	url := served(t, pages)
	b := newTab(t)
	for path := range pages {
		b.open(url+path, "light", "screen", 390)
		if len(b.look(path[1:])) == 0 {
			t.Errorf("%s sees nothing wrong with %s", path[1:], pages[path])
		}
	}
}
