package diff

// pair matches an element of one list with one of another; -1 is none.
type pair struct {
	before, after int
	same          bool
}

// alignLimit bounds the work of align: two lists whose product of lengths is
// larger, after what they share at both ends, are shown as exchanged.
const alignLimit = 4 << 20

// align pairs the elements of two lists of n and m elements by their longest
// common subsequence. Between two common elements, one that goes and one that
// comes are paired where may says so, in order.
func align(n, m int, same, may func(i, j int) bool) []pair {
	head := 0
	for head < n && head < m && same(head, head) {
		head++
	}
	tail := 0
	for tail < n-head && tail < m-head && same(n-1-tail, m-1-tail) {
		tail++
	}
	var out []pair
	for i := range head {
		out = append(out, pair{i, i, true})
	}
	out = append(out, middle(head, n-tail, m-tail, same, may)...)
	for k := range tail {
		out = append(out, pair{n - tail + k, m - tail + k, true})
	}
	return out
}

// middle aligns [from,n) with [from,m).
func middle(from, n, m int, same, may func(i, j int) bool) []pair {
	i, j := from, from
	var out []pair
	gap := func(toI, toJ int) {
		for i < toI {
			if j < toJ && may(i, j) {
				out = append(out, pair{i, j, false})
				j++
			} else {
				out = append(out, pair{i, -1, false})
			}
			i++
		}
		for ; j < toJ; j++ {
			out = append(out, pair{-1, j, false})
		}
	}
	for _, c := range common(from, n, m, same) {
		gap(c.before, c.after)
		out = append(out, c)
		i, j = c.before+1, c.after+1
	}
	gap(n, m)
	return out
}

// common is the longest common subsequence of [from,n) and [from,m).
func common(from, n, m int, same func(i, j int) bool) []pair {
	rows, cols := n-from, m-from
	if rows == 0 || cols == 0 || rows*cols > alignLimit {
		return nil
	}
	length := make([][]int32, rows+1) // of the longest common subsequence of what follows
	for i := range length {
		length[i] = make([]int32, cols+1)
	}
	for i := rows - 1; i >= 0; i-- {
		for j := cols - 1; j >= 0; j-- {
			if same(from+i, from+j) {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	var out []pair
	for i, j := 0, 0; i < rows && j < cols; {
		switch {
		case length[i][j] == length[i+1][j+1]+1 && same(from+i, from+j):
			out = append(out, pair{from + i, from + j, true})
			i, j = i+1, j+1
		case length[i+1][j] >= length[i][j+1]:
			i++
		default:
			j++
		}
	}
	return out
}
