// Package report tells people what checks of drift came to: of every workspace
// of the fleet, with what could not be checked on top, since silence means
// breakage. A night without drift is a full report that says so.
//
// Build makes a Report of what is known; it is a function of what is passed in,
// the time included. Package formats writes it for those who read it. The JSON is the
// Report itself and the canonical form, published as docs/drift-report.schema.json;
// all others show parts of it.
//
// # What the words mean
//
//	unchecked      the last check failed, or is overdue by its schedule, or there never was one, or what it found
//	               holds no more
//	new            first seen, or back after it was resolved, since the last report
//	open           found by the last check that looked, and neither ignored nor resolved; what is acknowledged
//	               is open
//	trend          what was open after the last check of each workspace on a day, as that check counted it
//	coverage       what was looked at since the last report, of what is applied
//	time to detect from the last check that did not have a finding to the first that had it: the longest that it
//	               can have been there unseen. What the first known check of a workspace found does not count
//	time to repair from being first seen, or being back, to the check that did not find it any more
//
// # What comes from outside
//
// A value of an attribute that is sensitive is never in a Report, whatever was
// passed in. Long values are cut to the part that differs, with their length said.
package report
