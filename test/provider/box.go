package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// box is the resource lab_box, the file <world>/<name>.box.json: what lab_thing
// has not. It has nested blocks, a set, a write-only argument, and a label of
// which it keeps the lower-case form whatever was asked for, so that a plan
// changes it again after every apply, as providers of old do.
type box struct{ world world }

type boxModel struct {
	ID     types.String `tfsdk:"id"`
	Name   types.String `tfsdk:"name"`
	Label  types.String `tfsdk:"label"`
	Ranges types.Set    `tfsdk:"ranges"`
	Key    types.String `tfsdk:"key_wo"`
	KeyNo  types.Int64  `tfsdk:"key_wo_version"`
	Rules  []boxRule    `tfsdk:"rule"`
}

type boxRule struct {
	Port   types.Int64  `tfsdk:"port"`
	Action types.String `tfsdk:"action"`
}

// boxObject is a box as it exists in the world.
type boxObject struct {
	Name   string       `json:"name"`
	Label  *string      `json:"label,omitempty"`
	Ranges []string     `json:"ranges,omitempty"`
	Rules  []ruleObject `json:"rules,omitempty"`
	Key    string       `json:"key_sha256,omitempty"` // of the write-only argument, so that a test sees what came
}

type ruleObject struct {
	Port   int64  `json:"port"`
	Action string `json:"action"`
}

func (*box) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = "lab_box"
}

func (*box) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{Computed: true,
				PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()}},
			"name": schema.StringAttribute{Required: true, Description: "its file is <world>/<name>.box.json",
				PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()}},
			"label":  schema.StringAttribute{Optional: true, Description: "kept in lower case"},
			"ranges": schema.SetAttribute{Optional: true, ElementType: types.StringType},
			"key_wo": schema.StringAttribute{Optional: true, WriteOnly: true,
				Description: "never kept anywhere; the world has its digest"},
			"key_wo_version": schema.Int64Attribute{Optional: true, Description: "another one writes key_wo again"},
		},
		Blocks: map[string]schema.Block{
			"rule": schema.ListNestedBlock{NestedObject: schema.NestedBlockObject{
				Attributes: map[string]schema.Attribute{
					"port":   schema.Int64Attribute{Required: true},
					"action": schema.StringAttribute{Required: true},
				}}},
		},
	}
}

func (r *box) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	r.world, _ = req.ProviderData.(world)
}

func (r *box) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	defer operation()()
	var m boxModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("key_wo"), &m.Key)...) // no plan has it
	r.put(ctx, &m, &resp.Diagnostics)
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
	}
}

func (r *box) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	defer operation()()
	var m boxModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("key_wo"), &m.Key)...) // no plan has it
	r.put(ctx, &m, &resp.Diagnostics)
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
	}
}

// put writes the box to the world and fills in what came of it.
func (r *box) put(ctx context.Context, m *boxModel, diags *diag.Diagnostics) {
	if diags.HasError() {
		return
	}
	o := boxObject{Name: m.Name.ValueString()}
	if !m.Label.IsNull() {
		label := strings.ToLower(m.Label.ValueString())
		o.Label, m.Label = &label, types.StringValue(label)
	}
	diags.Append(m.Ranges.ElementsAs(ctx, &o.Ranges, false)...)
	for _, rule := range m.Rules {
		o.Rules = append(o.Rules, ruleObject{rule.Port.ValueInt64(), rule.Action.ValueString()})
	}
	if !m.Key.IsNull() {
		o.Key = fmt.Sprintf("%x", sha256.Sum256([]byte(m.Key.ValueString())))
	}
	m.ID, m.Key = m.Name, types.StringNull()
	if err := r.write(o); err != nil {
		diags.AddError("lab_box: write failed", err.Error())
	}
}

func (r *box) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m boxModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	o, err := r.read(m.ID.ValueString())
	if err != nil {
		resp.Diagnostics.AddError("lab_box: read failed", err.Error())
		return
	}
	if o == nil {
		resp.State.RemoveResource(ctx)
		return
	}
	m.Name, m.Label, m.Ranges, m.Rules = types.StringValue(o.Name), types.StringPointerValue(o.Label),
		types.SetNull(types.StringType), nil
	if o.Ranges != nil {
		set, d := types.SetValueFrom(ctx, types.StringType, o.Ranges)
		resp.Diagnostics.Append(d...)
		m.Ranges = set
	}
	for _, rule := range o.Rules {
		m.Rules = append(m.Rules, boxRule{types.Int64Value(rule.Port), types.StringValue(rule.Action)})
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

func (r *box) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	defer operation()()
	var m boxModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	file, err := r.world.file(m.ID.ValueString() + ".box")
	if err == nil {
		err = os.Remove(file)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		resp.Diagnostics.AddError("lab_box: delete failed", err.Error())
	}
}

func (r *box) write(o boxObject) error {
	file, err := r.world.file(o.Name + ".box")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	data, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		return err
	}
	return replace(file, append(data, '\n'))
}

func (r *box) read(name string) (*boxObject, error) {
	file, err := r.world.file(name + ".box")
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var o boxObject
	if err == nil {
		err = json.Unmarshal(data, &o)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &o, nil
}
