// Package access says who asks for something, and how that is known.
package access

// Actor is who asks, and how the daemon knows.
type Actor struct {
	Name string
	Via  string // "socket"
	Peer Peer   // zero where nobody asked the kernel
	// Daemon: it is the user that the daemon runs as, which may be code that a plan runs.
	Daemon bool
}

// Peer is what the kernel says of the process that asks.
type Peer struct {
	UID string `json:"uid,omitempty"` // decimal
	PID int32  `json:"pid,omitempty"` // 0: not known
	// LoginUID is the user who logged in, whatever became of them since (the audit uid, which
	// sudo and su leave as it is); empty: nobody did, or it is not known.
	LoginUID string `json:"login_uid,omitempty"`
	Login    string `json:"login,omitempty"` // that user's name
}
