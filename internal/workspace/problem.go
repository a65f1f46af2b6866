package workspace

import "strings"

// Problem is what keeps some workspaces from being made or planned. The others
// go on.
type Problem struct {
	Where     string `json:"where"` // file and line, and what was matched
	Message   string `json:"message"`
	Next      string `json:"next"`                // what to do
	Workspace string `json:"workspace,omitempty"` // the one that it keeps back, where it has a name
	Generator string `json:"-"`                   // the one whose match it is about
	Unknown   bool   `json:"-"`                   // it is about the name of a workspace that does not exist
	Submodule string `json:"-"`                   // it is about files of this Git submodule, which are not here
}

// String is the problem with what to do about it, on one line.
func (p Problem) String() string {
	text := p.Where + ": " + p.Message
	if p.Next != "" {
		text += ". " + strings.ToUpper(p.Next[:1]) + p.Next[1:]
	}
	return text
}
