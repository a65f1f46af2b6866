package api

// Authors are who wrote what a plan applies: the authors, committers and co-authors of all
// commits since the applied one that touch the workspace.
type Authors struct {
	Since   string   `json:"since,omitempty" doc:"The applied commit; absent: nothing is applied, and all of the history counts"`
	Commits int      `json:"commits" doc:"How many commits touch the workspace"`
	People  []Author `json:"people"`
	Unknown string   `json:"unknown,omitempty" doc:"Why it is not known who they are; then no approval counts under a rule that keeps authors out"`
	Next    string   `json:"next,omitempty" doc:"What to do about that"`
}

// Author is one of them. Names and emails are what was typed.
type Author struct {
	Name    string `json:"name"`
	Email   string `json:"email"`
	Commit  string `json:"commit" doc:"The newest that they have a part in"`
	Commits int    `json:"commits" doc:"How many"`
}
