package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// hub is the resource lab_hub, the file <world>/<name>.hub.json, to which spokes are attached: each changes what the
// world has of it. A fleeting one is gone as soon as it was made.
type hub struct{ world world }

type hubModel struct {
	Name     types.String `tfsdk:"name"`
	Value    types.String `tfsdk:"value"`
	Mood     types.String `tfsdk:"mood"`
	Links    types.Int64  `tfsdk:"links"`
	Fleeting types.Bool   `tfsdk:"fleeting"`
}

type hubObject struct {
	Value *string `json:"value,omitempty"`
	Mood  *string `json:"mood,omitempty"`
	Links int64   `json:"links"`
}

func (*hub) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = "lab_hub"
}

func (*hub) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{Attributes: map[string]schema.Attribute{
		"name": schema.StringAttribute{Required: true, PlanModifiers: []planmodifier.String{
			stringplanmodifier.RequiresReplace()}},
		"value":    schema.StringAttribute{Optional: true},
		"mood":     schema.StringAttribute{Optional: true, Computed: true, Description: "the world's to choose"},
		"links":    schema.Int64Attribute{Computed: true, Description: "how many spokes are attached"},
		"fleeting": schema.BoolAttribute{Optional: true, Description: "it is gone as soon as it was made"},
	}}
}

func (r *hub) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	r.world, _ = req.ProviderData.(world)
}

func (r *hub) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var m hubModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	r.put(&m, 0, &resp.Diagnostics)
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

func (r *hub) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var m, before hubModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &before)...)
	r.put(&m, before.Links.ValueInt64(), &resp.Diagnostics)
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

func (r *hub) put(m *hubModel, links int64, diags *diag.Diagnostics) {
	m.Links = types.Int64Value(links)
	if m.Mood.IsUnknown() {
		m.Mood = types.StringNull()
	}
	if m.Fleeting.ValueBool() {
		return
	}
	o := hubObject{m.Value.ValueStringPointer(), m.Mood.ValueStringPointer(), links}
	if err := r.world.writeHub(m.Name.ValueString(), o); err != nil {
		diags.AddError("lab_hub: write failed", err.Error())
	}
}

func (r *hub) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m hubModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	o, err := r.world.readHub(m.Name.ValueString())
	if err != nil {
		resp.Diagnostics.AddError("lab_hub: read failed", err.Error())
		return
	}
	if o == nil {
		resp.State.RemoveResource(ctx)
		return
	}
	m.Value, m.Links = types.StringPointerValue(o.Value), types.Int64Value(o.Links)
	m.Mood = types.StringPointerValue(o.Mood)
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

func (r *hub) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var m hubModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if err := os.Remove(r.world.hubFile(m.Name.ValueString())); err != nil && !errors.Is(err, os.ErrNotExist) {
		resp.Diagnostics.AddError("lab_hub: delete failed", err.Error())
	}
}

func (w world) hubFile(name string) string { return filepath.Join(string(w), name+".hub.json") }

func (w world) readHub(name string) (*hubObject, error) {
	b, err := os.ReadFile(w.hubFile(name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var o hubObject
	return &o, errors.Join(err, json.Unmarshal(b, &o))
}

func (w world) writeHub(name string, o hubObject) error {
	b, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(string(w), 0o755); err != nil {
		return err
	}
	return replace(w.hubFile(name), append(b, '\n'))
}

// spoke is the resource lab_spoke. It is in the world as what it made of its hub.
type spoke struct{ world world }

type spokeModel struct {
	Hub  types.String `tfsdk:"hub"`
	Sets types.String `tfsdk:"sets"`
}

func (*spoke) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = "lab_spoke"
}

func (*spoke) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	again := []planmodifier.String{stringplanmodifier.RequiresReplace()}
	resp.Schema = schema.Schema{Attributes: map[string]schema.Attribute{
		"hub":  schema.StringAttribute{Required: true, PlanModifiers: again},
		"sets": schema.StringAttribute{Optional: true, PlanModifiers: again, Description: "the value of the hub"},
	}}
}

func (r *spoke) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	r.world, _ = req.ProviderData.(world)
}

func (r *spoke) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var m spokeModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	o, err := r.world.readHub(m.Hub.ValueString())
	if err == nil && o == nil {
		err = errors.New("there is no such hub")
	}
	if err == nil {
		if o.Links++; !m.Sets.IsNull() {
			o.Value = m.Sets.ValueStringPointer()
		}
		err = r.world.writeHub(m.Hub.ValueString(), *o)
	}
	if err != nil {
		resp.Diagnostics.AddError("lab_spoke: create failed", err.Error())
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

func (*spoke) Update(context.Context, resource.UpdateRequest, *resource.UpdateResponse) {} // all of it is replaced

func (*spoke) Read(context.Context, resource.ReadRequest, *resource.ReadResponse) {}

func (*spoke) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {}
