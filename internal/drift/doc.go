// Package drift follows what differs between the real world and what was applied
// from check to check, as findings: their life, the rules that leave some out, how
// bad they are, and what leads out of them. Package classify finds the differences.
// It remembers nothing: everything here is a function of what is passed in, the
// time included.
//
// # Life
//
// Findings are differences that are followed. The states and what moves them,
// as the table in life.go has it:
//
//	              found      joined    not found   ack            ack ends   ruled out   rule ends
//	new           ongoing    new       resolved    acknowledged   -          ignored     -
//	ongoing       ongoing    new       resolved    acknowledged   -          ignored     -
//	recurring     ongoing    new       resolved    acknowledged   -          ignored     -
//	acknowledged  same       new       resolved    acknowledged   ongoing    ignored     -
//	ignored       same       new       resolved    -              same       ignored     new
//	resolved      recurring  recurring resolved    -              same       resolved    resolved
//
// "joined" is that an attribute differs which did not before; an attribute that
// a rule leaves out or that the acknowledgement covers does not count. "rule
// ends" is that an attribute shows which a rule left out. A check that could not
// look moves nothing, whatever it is called.
package drift
