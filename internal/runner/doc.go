// Package runner runs the engine for one phase of one run, in a process of
// its own.
//
// The daemon never is the parent of an engine: it starts `tfops runner DIR`,
// detached, with its own session, and that process starts the engine. The
// daemon may stop, crash or be replaced while the phase goes on; what passes
// between the two are files in the phase's directory: see package job.
//
// The lock is taken by the daemon and inherited by the runner, so there is no
// moment at which a started phase looks dead. Starting and attaching again
// are then the same: wait for the lock, then read the result. No result means
// that the runner vanished.
//
// The plain plan stays in memory: the engine writes and reads it through /proc.
//
// The engine sees the commit's files at Job.Tree, a path that is the same for all runs of
// the workspace, and has its data directory (.terraform) in there, as by hand. What a
// phase writes there is the run's own (Job.Ground); see cell.View. What the plan stands on is
// recorded beside it (ground.json), and the apply has exactly that; see ground.Standing.
//
// What is kept between phases of a workspace lies in Job.WorkspaceDir:
//
//	tree/                     where its runs see their tree, each its own
//	engine/init.json          what the last init made, to seed the next run's data directory; see ground.KeptInit
//	engine/terraform.lock.hcl provider versions, when the repository has no lock file
//	terraform.tfstate…        the managed state
//	snapshots/                encrypted copies of it, the newest ten
//	hidden.json.age           that of the workspace's last plan
//
// It needs Linux: /proc, flock, memfd, pidfd and subreapers.
package runner
