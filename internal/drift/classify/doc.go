// Package classify tells what differs between the real world and what was applied,
// and why, from the plans that a check and others have made.
//
// # Classes
//
// A check is a full plan at the applied commit with the applied inputs (P0).
// Where another commit waits, the plan at HEAD (P1) helps to tell causes apart.
// At each attribute there are up to four values: S in the state, W in the world,
// T that P0 wants and H that P1 wants. What Terraform reports as
// resource_drift is S→W, the changes of P0 are W→T, those of P1 W→H.
//
//	class           rule
//	changed         S≠W, W≠T, and HEAD wants T (or S, when P1 was made before the world changed), or there is no P1
//	deleted         gone from the world, and P0 makes it again; for the resource as a whole
//	follows         as input, but all that changes is known only after an apply, and whatever P0 changes of
//	                what the instance depends on (as the state has it) drifted or follows itself
//	conflict        S≠W, and HEAD wants a value that is neither W nor T
//	pre_applied     S≠W, W≠T, and HEAD wants W; gone and P1 does not want it back; or W=T and P1 asks for W by
//	                a change
//	state_only      S≠W and W=T; or gone, and P0 does not want it; or T is not known before an apply and the
//	                configuration does not set the attribute: it follows another one
//	input           S=W and W≠T; a resource, data source, move or output that P0 acts upon without an outside change
//	applied_elsewhere  as input, but S is neither what the last run of tfops that ended well left in the state, nor
//	                what one left there since that ended halfway
//	half_applied    as input, but S is what a run left there that ended halfway; where nobody saw what it left: what
//	                its plan wanted
//	perpetual       as input, but the newest apply made this very change, and no check since found the workspace
//	                without one
//	pending_commit  S=W and W=T, or W≠T for another reason, and HEAD wants neither W nor T
//	check_failed    a check block, or a condition, that P0 found failed
//	unchecked       there is no complete P0
//
// Within a resource that P0 changes, a value that becomes unknown and that the
// configuration does not set is no difference of its own: it follows. So does
// an output, or a data source read late, that only waits for other changes.
// Where the elements of a list or set have moved, paths of two differences
// do not fit each other; then S=T for the attribute at the top level tells
// that P0 puts it back, and otherwise paths are held against each other without
// the indexes of that list, and the whole of it counts as wanted otherwise. Keys of
// maps, and elements of lists that stayed where they were, are never held
// against another one. An instance that is gone and that P0 makes with other
// values than it had is input, too, besides deleted.
//
// What an apply found in the world at its end is W from the beginning: what S→W was then is no difference. So is
// null against empty, and what ignore_changes of the block has, where it would be state_only. What has no world is
// never deleted or changed: it is input, or perpetual where the newest apply made it.
package classify
