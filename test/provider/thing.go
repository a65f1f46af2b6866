package main

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// thing is the resource lab_thing.
type thing struct{ world world }

// model is a thing as configuration, plan and state know it.
type model struct {
	ID       types.String `tfsdk:"id"`
	Name     types.String `tfsdk:"name"`
	Value    types.String `tfsdk:"value"`
	Note     types.String `tfsdk:"note"`
	Tags     types.Map    `tfsdk:"tags"`
	Secret   types.String `tfsdk:"secret"`
	Revision types.Int64  `tfsdk:"revision"`

	hold
	FailRead   types.String `tfsdk:"fail_read"`
	FailDelete types.String `tfsdk:"fail_delete"`
}

func (*thing) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = "lab_thing"
}

func (*thing) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{Attributes: map[string]schema.Attribute{
		"id": schema.StringAttribute{Computed: true,
			PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()}},
		"name": schema.StringAttribute{Required: true, Description: "its file is <world>/<name>.json",
			PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()}},
		"value":    schema.StringAttribute{Optional: true, Computed: true, Default: stringdefault.StaticString("")},
		"note":     schema.StringAttribute{Optional: true, Computed: true, Default: stringdefault.StaticString("none")},
		"tags":     schema.MapAttribute{Optional: true, ElementType: types.StringType},
		"secret":   schema.StringAttribute{Optional: true, Sensitive: true},
		"revision": schema.Int64Attribute{Computed: true, Description: "how often it was written"},

		"delay": schema.StringAttribute{Optional: true, Description: "how long create, update and delete take"},
		"gate": schema.StringAttribute{Optional: true,
			Description: "create, update and delete wait for this file"},
		"stubborn": schema.BoolAttribute{Optional: true,
			Description: "ignore the engine's request to stop while waiting"},
		"fail":        schema.StringAttribute{Optional: true, Description: "create and update fail with this message"},
		"fail_read":   schema.StringAttribute{Optional: true, Description: "a refresh fails with this message"},
		"fail_delete": schema.StringAttribute{Optional: true, Description: "a delete fails with this message"},
	}}
}

func (r *thing) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	r.world, _ = req.ProviderData.(world) // not there yet during validation
}

func (r *thing) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	defer operation()()
	var m model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if o, err := r.world.read(m.Name.ValueString()); err != nil || o != nil {
		report(&resp.Diagnostics, "create", m, orElse(err, "it exists already"))
		return
	}
	if err := m.wait(ctx, "create"); err != nil {
		report(&resp.Diagnostics, "create", m, err)
		return
	}
	r.put(ctx, "create", &m, 1, &resp.Diagnostics)
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
	}
}

func (r *thing) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	defer operation()()
	var m, before model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &before)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := m.wait(ctx, "update"); err != nil {
		report(&resp.Diagnostics, "update", m, err)
		return
	}
	r.put(ctx, "update", &m, before.Revision.ValueInt64()+1, &resp.Diagnostics)
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
	}
}

func (r *thing) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m model
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if msg := m.FailRead.ValueString(); msg != "" {
		report(&resp.Diagnostics, "read", m, orElse(nil, msg))
		return
	}
	o, err := r.world.read(m.ID.ValueString())
	if err != nil {
		report(&resp.Diagnostics, "read", m, err)
		return
	}
	if o == nil {
		resp.State.RemoveResource(ctx)
		return
	}
	m.Name, m.Value, m.Note = types.StringValue(o.Name), types.StringValue(o.Value), types.StringValue(o.Note)
	m.Secret, m.Revision = types.StringPointerValue(o.Secret), types.Int64Value(o.Revision)
	if o.Tags == nil {
		m.Tags = types.MapNull(types.StringType)
	} else {
		tags, d := types.MapValueFrom(ctx, types.StringType, o.Tags)
		resp.Diagnostics.Append(d...)
		m.Tags = tags
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

func (r *thing) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	defer operation()()
	var m model
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	m.Fail = m.FailDelete // fail is for create and update
	if err := m.wait(ctx, "delete"); err != nil {
		report(&resp.Diagnostics, "delete", m, err)
		return
	}
	if err := r.world.remove(m.ID.ValueString()); err != nil {
		report(&resp.Diagnostics, "delete", m, err)
	}
}

// ImportState takes the name as the id.
func (*thing) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	resource.ImportStatePassthroughID(ctx, path.Root("id"), req, resp)
}

// put writes the thing to the world and fills in what is computed.
func (r *thing) put(ctx context.Context, operation string, m *model, revision int64, diags *diag.Diagnostics) {
	m.ID, m.Revision = m.Name, types.Int64Value(revision)
	o := object{
		Name: m.Name.ValueString(), Value: m.Value.ValueString(), Note: m.Note.ValueString(),
		Secret: m.Secret.ValueStringPointer(), Revision: revision,
	}
	diags.Append(m.Tags.ElementsAs(ctx, &o.Tags, false)...)
	if err := r.world.write(operation, o); err != nil {
		report(diags, "write", *m, err)
	}
}

func report(diags *diag.Diagnostics, operation string, m model, err error) {
	diags.AddError(fmt.Sprintf("lab_thing: %s failed", operation), fmt.Sprintf("%s: %v", m.Name.ValueString(), err))
}

func orElse(err error, otherwise string) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("%s", otherwise)
}
