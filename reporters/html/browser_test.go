package html

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/bulkproof/bulkproof/reporters/model"
)

// startBrowser starts a headless Chromium of its own for one test, with a profile that is thrown away. Without
// one the test is skipped on a developer's machine and fails in CI, where it must not be lost unnoticed.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		const what = "no chromium, chromium-browser or google-chrome in PATH: the HTML report is not tested in a browser"
		if os.Getenv("CI") == "true" {
			t.Fatal(what)
		}
		t.Skip(what)
	}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(path),
		chromedp.NoFirstRun,
		chromedp.NoDefaultBrowserCheck,
		chromedp.Headless,
		chromedp.NoSandbox, // containers and CI run as root
		chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.WSURLReadTimeout(60*time.Second),
	)
	t.Cleanup(cancel)
	ctx, cancelBrowser := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		// Cancelling alone kills the process while it still writes into the profile's folder.
		_ = chromedp.Cancel(ctx)
		cancelBrowser()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	return ctx
}

// tab is one opened report, with everything the browser complained of and every request it made.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	problems []string
	requests []string
}

// open writes the report to a file and opens it in a new tab, after the given actions.
func open(t *testing.T, browserCtx context.Context, r *model.Report, before ...action) *tab {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.html")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(f, r); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	tabCtx, cancelTab := chromedp.NewContext(browserCtx)
	t.Cleanup(cancelTab)
	page := &tab{t: t}
	if err := chromedp.Listen(tabCtx, page.listen); err != nil {
		t.Fatal(err)
	}
	// The limit only afterwards: on the context that opens the tab it would close the tab.
	ctx, cancel := context.WithTimeout(tabCtx, 60*time.Second)
	t.Cleanup(cancel)
	page.ctx = ctx
	page.do(call(network.Enable, network.EnableParams{}), call(log.Enable, cdp.Empty{}), call(runtime.Enable, cdp.Empty{}), width(1280))
	page.do(before...)
	page.do(chromedp.Navigate("file://" + file))
	return page
}

// action is a step that returns nothing.
type action = chromedp.Action[chromedp.Void]

// call makes a step of a command of the DevTools protocol.
func call[P, R any](command cdp.Command[P, R], params P) action {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, command, params)
		return err
	})
}

// run makes a step of a JavaScript statement.
func run(statement string) action { return chromedp.Evaluate[chromedp.Void](statement) }

func click(selector string) action { return chromedp.Click(chromedp.CSS(selector)) }

func typeInto(selector, text string) action { return chromedp.SendKeys(chromedp.CSS(selector), text) }

func (p *tab) listen(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		p.problems = append(p.problems, fmt.Sprintf("console.%s", e.Type))
	case *runtime.EventExceptionThrown:
		p.problems = append(p.problems, "exception: "+e.ExceptionDetails.Text)
	case *log.EventEntryAdded: // violations of the Content-Security-Policy come here
		p.problems = append(p.problems, "log: "+e.Entry.Text)
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, e.Request.URL)
	}
}

func (p *tab) do(steps ...action) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

// eval returns the value of a JavaScript expression.
func eval[T any](p *tab, expression string) T {
	p.t.Helper()
	return result(p, chromedp.Evaluate[T](expression))
}

// result returns what a step returns.
func result[T any](p *tab, step chromedp.Action[T]) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, step)
	if err != nil {
		p.t.Fatal(err)
	}
	return v
}

// quiet fails the test if the browser complained or requested anything but the page itself.
func (p *tab) quiet() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.problems {
		p.t.Errorf("the browser reports %s", s)
	}
	pages := 0
	for _, u := range p.requests {
		switch {
		case strings.HasPrefix(u, "file://") && strings.HasSuffix(u, "/report.html"):
			pages++
		case strings.HasPrefix(u, "data:"):
		default:
			p.t.Errorf("the page requested %s", u)
		}
	}
	if pages == 0 {
		p.t.Error("not even the page itself was seen among the requests, so the listener does not work")
	}
}

func width(w int64) action {
	return call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: w, Height: 900, DeviceScaleFactor: 1, Mobile: w < 600})
}

// emulate sets the media type ("print", "" for the screen) and the colour scheme.
func emulate(media, scheme string) action {
	return call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: media,
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
}
