package api

// settled are the statuses in which a run needs somebody or has ended.
var settled = map[string]bool{
	"awaiting_approval": true, "interrupted": true,
	"planned_and_finished": true, "policy_failed": true, "applied": true, "errored": true, "discarded": true,
	"canceled": true,
}

// Settled reports whether a run of this status awaits somebody, was
// interrupted or has ended: nothing moves it on by itself.
func Settled(status string) bool { return settled[status] }
