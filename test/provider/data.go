package main

import (
	"context"
	"os"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// value is the data source lab_value: the content of a file, which may change
// between two plans. A plan reads it, so its gate holds a plan.
type value struct{}

func (*value) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = "lab_value"
}

func (*value) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{Attributes: map[string]schema.Attribute{
		"path": schema.StringAttribute{Required: true},
		"value": schema.StringAttribute{Computed: true,
			Description: "the file's content, without white space around it"},
		"secret": schema.StringAttribute{Computed: true, Sensitive: true, Description: "the same, but sensitive"},

		"delay": schema.StringAttribute{Optional: true, Description: "how long reading takes"},
		"gate":  schema.StringAttribute{Optional: true, Description: "reading waits for this file"},
		"stubborn": schema.BoolAttribute{Optional: true,
			Description: "ignore the engine's request to stop while waiting"},
		"fail": schema.StringAttribute{Optional: true, Description: "reading fails with this message"},
	}}
}

func (*value) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	defer operation()()
	var m struct {
		Path   types.String `tfsdk:"path"`
		Value  types.String `tfsdk:"value"`
		Secret types.String `tfsdk:"secret"`
		hold
	}
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := m.wait(ctx, "read"); err != nil {
		resp.Diagnostics.AddError("lab_value: read failed", err.Error())
		return
	}
	data, err := os.ReadFile(m.Path.ValueString())
	if err != nil {
		resp.Diagnostics.AddError("lab_value: read failed", err.Error())
		return
	}
	m.Value = types.StringValue(strings.TrimSpace(string(data)))
	m.Secret = m.Value
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

// environment is the data source lab_env: the whole environment of the
// provider's process, which is what code in a plan can see.
type environment struct{}

func (*environment) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = "lab_env"
}

func (*environment) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{Attributes: map[string]schema.Attribute{
		"env": schema.MapAttribute{Computed: true, ElementType: types.StringType},
	}}
}

func (*environment) Read(ctx context.Context, _ datasource.ReadRequest, resp *datasource.ReadResponse) {
	env := map[string]string{}
	for _, pair := range os.Environ() {
		name, val, _ := strings.Cut(pair, "=")
		env[name] = val
	}
	m, diags := types.MapValueFrom(ctx, types.StringType, env)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(resp.State.Set(ctx, &struct {
		Env types.Map `tfsdk:"env"`
	}{m})...)
}
