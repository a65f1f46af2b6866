package show

import "github.com/tfops/tfops/internal/term"

// narrow says what becomes of the columns of all tables on a narrow terminal.
// Those that are not named here are copied into the next command, or are why
// the table is looked at: they are neither cut nor left out. Numbers of a plan
// and times are never cut, because half of one reads like another.
var narrow = map[string]term.Column{
	"SUBJECT":     {Cut: 12, Drop: 40},
	"WAITING FOR": {Cut: 20, Drop: 1},
	"WHY NOT YOU": {Cut: 20, Drop: 1},
	"FOUND":       {Cut: 16, Drop: 1},
	"WHAT":        {Cut: 20},
	"WHY":         {Cut: 12, Drop: 20},
	"REASON":      {Cut: 12, Drop: 20},
	"COMMENT":     {Cut: 12, Drop: 20},
	"SUSPENDED":   {Cut: 12, Drop: 30},
	"DIR":         {Cut: 12, Drop: 15},
	"OWNER":       {Cut: 10, Drop: 35},
	"ADDRESS":     {Cut: 30},
	"ON":          {Cut: 20, Drop: 40},
	"LAST ERROR":  {Cut: 20},
	"ERROR":       {Cut: 20},

	"WHAT IT SAYS": {Cut: 16},

	"TOOK":           {Drop: 90},
	"VIA":            {Drop: 85},
	"LAST CHECK":     {Drop: 80},
	"CHECKED":        {Drop: 80},
	"PLANNED":        {Drop: 80},
	"AUTHOR":         {Drop: 75},
	"STATE":          {Drop: 70},
	"APPROVED BY":    {Drop: 65},
	"PLAN":           {Drop: 60},
	"CREATED":        {Drop: 55},
	"EXPIRES":        {Drop: 50},
	"DRIFT CHECK":    {Drop: 50},
	"APPROVAL RULES": {Drop: 45},
	"WAITING":        {Drop: 30},
	"DESIRED":        {Drop: 28},
	"APPLIED":        {Drop: 26},
	"SINCE":          {Drop: 16},
	"REPOSITORY":     {Drop: 14},
	"KIND":           {Drop: 12},
	"COMMIT":         {Drop: 10},
	"BRANCH":         {Drop: 8},
	"OF":             {Drop: 20},
	"LIFE":           {Drop: 6},
	"CLASS":          {Drop: 4},
}

// Table prints a table whose columns have these names.
func Table(p *term.Printer, header []string, rows [][]term.Cell) {
	columns := make([]term.Column, len(header))
	for i, name := range header {
		columns[i] = narrow[name]
		columns[i].Name = name
	}
	p.TableOf(columns, rows)
}
