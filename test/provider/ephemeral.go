package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// ticket is the ephemeral resource lab_ticket: a value that is made of a seed at
// each opening and kept nowhere. <world>/tickets has a line for each opening and
// closing, so that a test sees in which phases the engine did so.
type ticket struct{ world world }

func (*ticket) Metadata(_ context.Context, _ ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse) {
	resp.TypeName = "lab_ticket"
}

func (*ticket) Schema(_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	resp.Schema = schema.Schema{Attributes: map[string]schema.Attribute{
		"seed":  schema.StringAttribute{Required: true},
		"value": schema.StringAttribute{Computed: true, Description: "ticket-<seed>"},
	}}
}

func (r *ticket) Configure(_ context.Context, req ephemeral.ConfigureRequest, _ *ephemeral.ConfigureResponse) {
	r.world, _ = req.ProviderData.(world)
}

func (r *ticket) Open(ctx context.Context, req ephemeral.OpenRequest, resp *ephemeral.OpenResponse) {
	defer operation()()
	var m struct {
		Seed  types.String `tfsdk:"seed"`
		Value types.String `tfsdk:"value"`
	}
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := r.note("open"); err != nil {
		resp.Diagnostics.AddError("lab_ticket: open failed", err.Error())
		return
	}
	m.Value = types.StringValue("ticket-" + m.Seed.ValueString())
	resp.Diagnostics.Append(resp.Result.Set(ctx, &m)...)
}

func (r *ticket) Close(_ context.Context, _ ephemeral.CloseRequest, resp *ephemeral.CloseResponse) {
	defer operation()()
	if err := r.note("close"); err != nil {
		resp.Diagnostics.AddError("lab_ticket: close failed", err.Error())
	}
}

func (r *ticket) note(what string) error {
	if r.world == "" {
		return errNoWorld
	}
	f, err := os.OpenFile(filepath.Join(string(r.world), "tickets"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, what)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// shout is the function provider::lab::shout: its argument in capitals.
type shout struct{}

func (*shout) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "shout"
}

func (*shout) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{Summary: "capitals",
		Parameters: []function.Parameter{function.StringParameter{Name: "text"}}, Return: function.StringReturn{}}
}

func (*shout) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var text string
	if resp.Error = req.Arguments.Get(ctx, &text); resp.Error == nil {
		resp.Error = resp.Result.Set(ctx, strings.ToUpper(text))
	}
}
