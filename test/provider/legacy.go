package main

import (
	"context"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// legacy is the provider with lab_box as one of old: the engine then takes
// what an apply returns even where it is not what was planned.
type legacy struct{ tfprotov6.ProviderServer }

func (l legacy) PlanResourceChange(ctx context.Context,
	req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	resp, err := l.ProviderServer.PlanResourceChange(ctx, req)
	if resp != nil && req.TypeName == "lab_box" {
		resp.UnsafeToUseLegacyTypeSystem = true
	}
	return resp, err
}

func (l legacy) ApplyResourceChange(ctx context.Context,
	req *tfprotov6.ApplyResourceChangeRequest) (*tfprotov6.ApplyResourceChangeResponse, error) {
	resp, err := l.ProviderServer.ApplyResourceChange(ctx, req)
	if resp != nil && req.TypeName == "lab_box" {
		resp.UnsafeToUseLegacyTypeSystem = true
	}
	return resp, err
}
