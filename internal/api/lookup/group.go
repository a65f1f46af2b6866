package lookup

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/tfops/tfops/internal/api"
	"github.com/tfops/tfops/internal/fault"
)

// AcknowledgeGroup says that all findings of a group of the report of now are known. Each is a decision of its
// own: where one fails, those before it hold.
func AcknowledgeGroup(ctx context.Context, c *api.Client, group string, in api.Acknowledge) ([]api.Finding, error) {
	var b bytes.Buffer
	if err := c.DriftReport(ctx, api.ReportQuery{Format: "json"}, &b); err != nil {
		return nil, err
	}
	var report struct {
		Groups []struct {
			ID       string   `json:"id"`
			Findings []string `json:"findings"`
		} `json:"groups"`
	}
	if err := json.Unmarshal(b.Bytes(), &report); err != nil {
		return nil, fault.New(fault.Internal, "", "the report cannot be read: %w", err)
	}
	for _, g := range report.Groups {
		if g.ID != group {
			continue
		}
		var all []api.Finding
		for _, id := range g.Findings {
			f, err := c.Acknowledge(ctx, id, in)
			if err != nil {
				return nil, fault.New(fault.CodeOf(err), fault.Next(err),
					"%d of %d findings were acknowledged; then: %w", len(all), len(g.Findings), err)
			}
			all = append(all, f)
		}
		return all, nil
	}
	return nil, fault.New(fault.NotFound, "tfops drift report", "there is no group %q of open findings now", group)
}
