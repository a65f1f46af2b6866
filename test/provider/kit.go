package main

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/listplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/mapplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/objectplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/setplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// kit is the resource lab_kit: it has an argument of every type, a block of every kind, and no world. What
// its state holds is there; an import finds its name alone.
type kit struct{}

func (*kit) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = "lab_kit"
}

// part is an object type.
var part = types.ObjectType{AttrTypes: map[string]attr.Type{"id": types.StringType, "n": types.NumberType,
	"on": types.BoolType, "list": types.ListType{ElemType: types.StringType}}}

// inner are nested attributes.
func inner() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"id":     schema.StringAttribute{Optional: true},
		"size":   schema.Int64Attribute{Optional: true},
		"list":   schema.ListAttribute{Optional: true, ElementType: types.StringType},
		"labels": schema.MapAttribute{Optional: true, ElementType: types.StringType},
		"key":    schema.StringAttribute{Optional: true, Sensitive: true},
	}
}

// limits are the attributes of blocks.
func limits() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"name": schema.StringAttribute{Optional: true},
		"port": schema.Int64Attribute{Optional: true},
		"tags": schema.MapAttribute{Optional: true, ElementType: types.StringType},
		"hush": schema.StringAttribute{Optional: true, Sensitive: true},
	}
}

func (*kit) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	texts := types.StringType
	object := schema.NestedAttributeObject{Attributes: inner()}
	block := schema.NestedBlockObject{Attributes: limits(), Blocks: map[string]schema.Block{
		"deep": schema.ListNestedBlock{NestedObject: schema.NestedBlockObject{Attributes: limits()}}}}
	resp.Schema = schema.Schema{
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{Computed: true,
				PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()}},
			"name": schema.StringAttribute{Required: true,
				PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()}},
			"echo":   schema.StringAttribute{Computed: true, Description: "known after each apply"},
			"echoes": schema.ListAttribute{Computed: true, ElementType: texts, Description: "the same"},
			"text":   schema.StringAttribute{Optional: true},
			"number": schema.NumberAttribute{Optional: true},
			"on":     schema.BoolAttribute{Optional: true},
			"list":   schema.ListAttribute{Optional: true, ElementType: texts},
			"set":    schema.SetAttribute{Optional: true, ElementType: texts},
			"tags":   schema.MapAttribute{Optional: true, ElementType: texts},
			"flags":  schema.MapAttribute{Optional: true, ElementType: types.BoolType},
			"lists":  schema.MapAttribute{Optional: true, ElementType: types.ListType{ElemType: texts}},
			"part":   schema.ObjectAttribute{Optional: true, AttributeTypes: part.AttrTypes},
			"parts":  schema.ListAttribute{Optional: true, ElementType: part},
			"bag":    schema.SetAttribute{Optional: true, ElementType: part},
			"shelf":  schema.MapAttribute{Optional: true, ElementType: part},
			"any":    schema.DynamicAttribute{Optional: true},
			"secret": schema.StringAttribute{Optional: true, Sensitive: true},
			"safe":   schema.MapAttribute{Optional: true, Sensitive: true, ElementType: texts},
			"one":    schema.SingleNestedAttribute{Optional: true, Attributes: inner()},
			"many":   schema.ListNestedAttribute{Optional: true, NestedObject: object},
			"some":   schema.SetNestedAttribute{Optional: true, NestedObject: object},
			"named":  schema.MapNestedAttribute{Optional: true, NestedObject: object},
			"fixed_list": schema.ListAttribute{Optional: true, ElementType: texts,
				PlanModifiers: []planmodifier.List{listplanmodifier.RequiresReplace()}},
			"fixed_set": schema.SetAttribute{Optional: true, ElementType: texts,
				PlanModifiers: []planmodifier.Set{setplanmodifier.RequiresReplace()}},
			"fixed_map": schema.MapAttribute{Optional: true, ElementType: texts,
				PlanModifiers: []planmodifier.Map{mapplanmodifier.RequiresReplace()}},
			"fixed_one": schema.SingleNestedAttribute{Optional: true, Attributes: inner(),
				PlanModifiers: []planmodifier.Object{objectplanmodifier.RequiresReplace()}},
			"key_wo": schema.StringAttribute{Optional: true, WriteOnly: true},
		},
		Blocks: map[string]schema.Block{
			"rule":  schema.ListNestedBlock{NestedObject: block},
			"grant": schema.SetNestedBlock{NestedObject: schema.NestedBlockObject{Attributes: limits()}},
			"limit": schema.SingleNestedBlock{Attributes: limits()},
			"fixed_rule": schema.ListNestedBlock{NestedObject: schema.NestedBlockObject{Attributes: limits()},
				PlanModifiers: []planmodifier.List{listplanmodifier.RequiresReplace()}},
		},
	}
}

func (*kit) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	defer operation()()
	resp.State.Raw = req.Plan.Raw
	var name types.String
	resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, path.Root("name"), &name)...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), name)...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("echo"), "echo of "+name.ValueString())...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("echoes"), []string{name.ValueString()})...)
}

func (*kit) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	defer operation()()
	resp.State.Raw = req.Plan.Raw
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("echo"), "echo")...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("echoes"), []string{"echo"})...)
}

// Read leaves everything as it is; what was just imported has its id for a name.
func (*kit) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var id, name types.String
	resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("id"), &id)...)
	resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("name"), &name)...)
	if !resp.Diagnostics.HasError() && name.IsNull() {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("name"), id)...)
	}
}

func (*kit) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {
	defer operation()()
}

// ImportState takes the name as the id.
func (*kit) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	resource.ImportStatePassthroughID(ctx, path.Root("id"), req, resp)
}
