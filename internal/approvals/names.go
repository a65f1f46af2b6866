package approvals

import (
	"maps"
	"slices"
)

// Names lists, sorted, the attributes of a root of conditions, such as "plan";
// for "" the roots themselves, and for any other name nothing.
func Names(root string) []string {
	if root == "" {
		return slices.Sorted(maps.Keys(schema))
	}
	object, ok := schema[root]
	if !ok {
		return nil
	}
	return slices.Sorted(maps.Keys(object.AttributeTypes()))
}
