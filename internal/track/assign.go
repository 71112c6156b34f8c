package track

import "math"

// forbidden is the cost of a pair that must not be; it is far above any sum of allowed ones.
const forbidden = 1e6

// Assign pairs rows with columns so that the sum of costs is least (the
// Hungarian method with potentials, O(rows^2 columns)). of[i] is row i's
// column, -1 for none: a pair that costs forbidden or more is not made, and as
// many pairs as possible are.
func Assign(cost [][]float64) (of []int) {
	rows := len(cost)
	of = make([]int, rows)
	for i := range of {
		of[i] = -1
	}
	if rows == 0 || len(cost[0]) == 0 {
		return of
	}
	if rows > len(cost[0]) {
		for column, row := range Assign(transposed(cost)) {
			if row >= 0 {
				of[row] = column
			}
		}
		return of
	}
	for i, column := range shortestPaths(cost) {
		if cost[i][column] < forbidden {
			of[i] = column
		}
	}
	return of
}

func transposed(cost [][]float64) [][]float64 {
	t := make([][]float64, len(cost[0]))
	for j := range t {
		t[j] = make([]float64, len(cost))
		for i := range cost {
			t[j][i] = cost[i][j]
		}
	}
	return t
}

// shortestPaths solves the problem for at most as many rows as columns by
// adding row after row along a shortest augmenting path (Kuhn 1955, in the
// form of Jonker and Volgenant 1987). Row and column 0 are not real.
func shortestPaths(cost [][]float64) []int {
	n, m := len(cost), len(cost[0])
	u, v := make([]float64, n+1), make([]float64, m+1) // potentials
	rowOf := make([]int, m+1)                          // 0: the column is free
	way := make([]int, m+1)
	least, done := make([]float64, m+1), make([]bool, m+1)
	for i := 1; i <= n; i++ {
		rowOf[0] = i
		for j := range least {
			least[j], done[j] = math.Inf(1), false
		}
		j0 := 0
		for rowOf[j0] != 0 {
			done[j0] = true
			i0, delta, j1 := rowOf[j0], math.Inf(1), 0
			for j := 1; j <= m; j++ {
				if done[j] {
					continue
				}
				if c := cost[i0-1][j-1] - u[i0] - v[j]; c < least[j] {
					least[j], way[j] = c, j0
				}
				if least[j] < delta {
					delta, j1 = least[j], j
				}
			}
			for j := 0; j <= m; j++ {
				if done[j] {
					u[rowOf[j]] += delta
					v[j] -= delta
				} else {
					least[j] -= delta
				}
			}
			j0 = j1
		}
		for j0 != 0 {
			rowOf[j0] = rowOf[way[j0]]
			j0 = way[j0]
		}
	}
	of := make([]int, n)
	for j := 1; j <= m; j++ {
		if rowOf[j] > 0 {
			of[rowOf[j]-1] = j - 1
		}
	}
	return of
}
