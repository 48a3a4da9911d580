// The Inspector's Round
package main

import (
	"bufio"
	"fmt"
	"os"
)

func solve(n int, minutes []int) int {
	// minutes: row by row, from each depot to each depot
	// Your code goes here.
	return 0
}

func main() {
	in := bufio.NewReader(os.Stdin)
	var n int
	fmt.Fscan(in, &n)
	minutes := make([]int, n*n)
	for i := range minutes {
		fmt.Fscan(in, &minutes[i])
	}
	fmt.Println(solve(n, minutes))
}
