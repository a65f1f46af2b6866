package delivery

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/tfops/tfops/internal/fault"
	"github.com/tfops/tfops/internal/notify"
	"github.com/tfops/tfops/internal/run"
)

// BodyVersion is the version of a webhook's body. Fields may be added to a
// version; a change of another kind makes a new one.
const BodyVersion = 1

// maxDocument is how large a report may be that goes along in a body, in bytes.
const maxDocument = 1 << 20

// body is what a webhook is sent.
type body struct {
	Version    int               `json:"version"`
	Delivery   string            `json:"delivery"`
	Target     string            `json:"target"`
	Notice     string            `json:"notice"` // its id: the same for all targets
	Kind       run.NoticeKind    `json:"kind"`
	At         time.Time         `json:"at"`
	Severity   string            `json:"severity,omitempty"`
	Workspace  string            `json:"workspace,omitempty"`
	Repository string            `json:"repository,omitempty"`
	Run        string            `json:"run,omitempty"`
	Title      string            `json:"title"`
	Text       string            `json:"text"`
	Command    string            `json:"command,omitempty"`
	Labels     map[string]string `json:"labels,omitempty"`
	Report     *reportBody       `json:"report,omitempty"`
}

type reportBody struct {
	ID       string          `json:"id"`
	Formats  []string        `json:"formats"`
	Document json.RawMessage `json:"document,omitempty"` // the report in JSON, where it is one of the formats
}

// post sends a delivery to a webhook.
func (n *Notifier) post(ctx context.Context, t notify.Target, d run.Delivery) (note string, err error) {
	payload, note, err := n.payload(ctx, t, d)
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL, bytes.NewReader(payload))
	if err != nil {
		return note, down("Correct the URL in the notify block.", "A request to %s cannot be made: %s", t, t.Scrub(err))
	}
	at := strconv.FormatInt(n.o.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "tfops")
	req.Header.Set("Tfops-Delivery", d.ID)
	req.Header.Set("Tfops-Timestamp", at)
	if t.Secret != "" {
		req.Header.Set("Tfops-Signature", signature(t.Secret, at, payload))
	}
	resp, err := n.http.Do(req)
	if err != nil {
		return note, down("It is tried again by itself; see whether the host can be reached from here.",
			"%s did not answer: %s", t, t.Scrub(err))
	}
	defer resp.Body.Close()
	// Read to its end, and no further than a little, the connection can be used again.
	io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10))
	return note, n.answered(t, resp)
}

// payload is the body of a delivery. A report that cannot be had is left out,
// and the note says so: the message itself must arrive.
func (n *Notifier) payload(ctx context.Context, t notify.Target, d run.Delivery) (payload []byte, note string,
	err error) {
	m, w := d.Notice, t.Wording(d)
	b := body{Version: BodyVersion, Delivery: d.ID, Target: d.Target, Notice: m.ID, Kind: m.Kind, At: m.At.UTC(),
		Severity: m.Severity, Workspace: m.Workspace,
		Repository: m.Repository, Run: m.Run, Title: m.Title, Text: m.Text, Command: m.Command, Labels: m.Labels}
	if w.Own { // else as it is: the command has a field of its own
		b.Title, b.Text = w.Title, w.Text
	}
	if note = w.Note; note != "" && !w.Own {
		b.Text += "\n\n" + note
	}
	if r := m.Report; r != nil {
		b.Report = &reportBody{ID: r.ID, Formats: t.Formats(r)}
		if slices.Contains(b.Report.Formats, "json") {
			doc, why := n.report(ctx, r.ID, "json", maxDocument)
			if why == "" && !json.Valid(doc) {
				why = "The report " + r.ID + " is no JSON."
			}
			if why == "" {
				b.Report.Document = doc
			} else {
				b.Text += "\n\n" + why
				note = why
			}
		}
	}
	payload, err = json.Marshal(b)
	if err != nil {
		return nil, "", &failure{mine: true, fault: fault.New(fault.Internal, "",
			"the message cannot be put into JSON: %w", err)}
	}
	return payload, note, nil
}

// signature is the value of the header Tfops-Signature. The time is signed as
// well, so that an old message cannot be sent again by somebody else.
func signature(secret, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%s.", timestamp)
	mac.Write(body)
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}

// answered tells by the status of an answer whether the target has the
// message. 410 says that nobody listens there any more; 404 may be a receiver
// that is being set up, and is tried again.
func (n *Notifier) answered(t notify.Target, resp *http.Response) error {
	code := resp.StatusCode
	status := fmt.Sprintf("%d %s", code, http.StatusText(code)) // the words of the answer are not trusted
	f := down("It is tried again by itself.", "%s answered %s", t, status)
	switch {
	case code >= 200 && code < 300:
		return nil
	case code >= 300 && code < 400:
		f = down("Write the URL that it leads to, if it is yours, in the notify block.",
			"%s answered %s: it points elsewhere, which is not followed", t, status)
	case code == http.StatusGone:
		f = down("Remove the notify block or correct its URL, then send the dead letter again.",
			"%s answered %s: nobody listens there any more", t, status)
		f.final = true
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusNotFound:
		f = down("Look at the URL and the secret in the notify block, and at the receiver.", "%s answered %s", t,
			status)
	case code == http.StatusBadRequest, code == http.StatusRequestEntityTooLarge,
		code == http.StatusUnprocessableEntity:
		f = down("See in the receiver's log what it does not like about the message.", "%s answered %s", t, status)
		f.mine = true
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable:
		f.after = n.retryAfter(resp.Header.Get("Retry-After"))
	}
	return f
}

// retryAfter reads a Retry-After header, in seconds or a date; 0 without one.
func (n *Notifier) retryAfter(v string) time.Duration {
	if s, err := strconv.ParseInt(v, 10, 64); err == nil {
		return time.Duration(min(max(s, 0), int64(maxBackoff/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(at.Sub(n.o.Now()), 0), maxBackoff)
	}
	return 0
}
