package sandbox

import "strings"

// Sentence says what is missing.
func (l Lack) Sentence() string {
	switch l.Kind {
	case LacksUserNamespaces:
		return "users may not make user namespaces" + l.colon()
	case LacksAppArmor:
		return "AppArmor keeps user namespaces from programs that have no profile" + l.colon()
	case LacksMounts:
		return "nothing can be mounted in a namespace" + l.colon()
	case LacksOverlay:
		return "no overlay can be mounted" + l.colon()
	case LacksFreshProc:
		return "parts of /proc are masked, so the kernel refuses a fresh one" + l.colon()
	case LacksSeccomp:
		return "the kernel filters no system calls (seccomp)" + l.colon()
	case LacksLandlock:
		if l.Detail == "" {
			return "the kernel has no Landlock"
		}
		return "the kernel's Landlock is too old: version " + l.Detail
	case LacksCapabilities:
		return "tfops has no " + l.Detail
	case LacksChoice:
		return "a lower level was asked for" + l.colon()
	}
	return "a trial failed" + l.colon()
}

func (l Lack) colon() string {
	if l.Detail == "" {
		return ""
	}
	return ": " + l.Detail
}

// Next says what to do about it: a line to write, or a thing to change.
func (l Lack) Next() string {
	switch l.Kind {
	case LacksUserNamespaces:
		// The detail may have "= 0" behind the name.
		switch name, _, _ := strings.Cut(l.Detail, " "); name {
		case "user.max_user_namespaces":
			return "sysctl -w user.max_user_namespaces=15000, and the same in /etc/sysctl.d/60-tfops.conf"
		case "kernel.unprivileged_userns_clone":
			return "sysctl -w kernel.unprivileged_userns_clone=1, and the same in /etc/sysctl.d/60-tfops.conf"
		}
		return "allow user namespaces: in a container by its seccomp profile, in a systemd unit by " +
			"RestrictNamespaces=no; or run tfops as root"
	case LacksAppArmor:
		return "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, and the same in " +
			"/etc/sysctl.d/60-tfops.conf; or give tfops a profile in /etc/apparmor.d that has the rule userns"
	case LacksMounts:
		return "allow mounts in namespaces: in a container by its seccomp and AppArmor profiles " +
			"(--security-opt seccomp=… apparmor=unconfined)"
	case LacksOverlay:
		return "load the module (modprobe overlay), and lay data_dir on ext4, xfs or btrfs"
	case LacksFreshProc:
		return "start the container with an unmasked /proc: --security-opt systempaths=unconfined " +
			"(Kubernetes: procMount: Unmasked)"
	case LacksSeccomp:
		return "use a kernel with CONFIG_SECCOMP_FILTER"
	case LacksLandlock:
		return "use Linux 6.12 or newer, with landlock in the kernel's parameter lsm="
	case LacksCapabilities:
		return "run tfops as root, or give it " + l.Detail + " (--cap-add, or AmbientCapabilities= in the unit)"
	case LacksChoice:
		return "ask for no lower level"
	}
	return "run tfops doctor, which tries each part by itself"
}
