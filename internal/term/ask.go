package term

import (
	"bufio"
	"io"
	"strings"

	"github.com/tfops/tfops/internal/fault"
)

// Ask asks a person for one line. Without a person to ask it is a fault whose
// next step is instead, e.g. the flag that answers the question.
func (p *Printer) Ask(question, instead string) (string, error) {
	if !p.Interactive() {
		return "", fault.New(fault.Invalid, instead, "There is no terminal to ask at.")
	}
	return p.ask(question)
}

func (p *Printer) ask(question string) (string, error) {
	_, _ = io.WriteString(p.err.w, p.err.paint(bold, Clean(question))+" ")
	answer, err := readLine(p.stdin)
	if err != nil && answer == "" {
		return "", fault.New(fault.Invalid, "Ask again and answer the question.", "No answer was given.")
	}
	return strings.TrimSpace(answer), nil
}

// readLine reads byte by byte if it must: what follows the line belongs to the
// next question.
func readLine(r io.Reader) (string, error) {
	if b, ok := r.(*bufio.Reader); ok {
		return b.ReadString('\n')
	}
	var line []byte
	one := make([]byte, 1)
	for {
		n, err := r.Read(one)
		if n == 1 {
			if one[0] == '\n' {
				return string(line), nil
			}
			line = append(line, one[0])
		}
		if err != nil {
			return string(line), err
		}
	}
}
