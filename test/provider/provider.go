package main

import (
	"context"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// lab is the provider.
type lab struct{}

func (*lab) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName, resp.Version = "lab", "0.1.0"
}

func (*lab) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = schema.Schema{Attributes: map[string]schema.Attribute{
		"world": schema.StringAttribute{Optional: true,
			Description: "directory of the world; without it LAB_WORLD of the environment"},
		"token": schema.StringAttribute{Optional: true, Sensitive: true,
			Description: "not used: a credential to look for in what is stored and printed"},
	}}
}

func (*lab) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var config struct {
		World types.String `tfsdk:"world"`
		Token types.String `tfsdk:"token"`
	}
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	dir := config.World.ValueString()
	if dir == "" {
		dir = os.Getenv("LAB_WORLD")
	}
	resp.ResourceData = world(dir)
	resp.EphemeralResourceData = world(dir)
}

func (*lab) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{
		func() resource.Resource { return &thing{} },
		func() resource.Resource { return &box{} },
		func() resource.Resource { return &hub{} },
		func() resource.Resource { return &spoke{} },
		func() resource.Resource { return &kit{} },
	}
}

func (*lab) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{
		func() datasource.DataSource { return &value{} },
		func() datasource.DataSource { return &environment{} },
	}
}

func (*lab) EphemeralResources(context.Context) []func() ephemeral.EphemeralResource {
	return []func() ephemeral.EphemeralResource{func() ephemeral.EphemeralResource { return &ticket{} }}
}

func (*lab) Functions(context.Context) []func() function.Function {
	return []func() function.Function{func() function.Function { return &shout{} }}
}
