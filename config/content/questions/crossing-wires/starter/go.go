// Crossing Wires
package main

import (
	"bufio"
	"fmt"
	"os"
)

func solve(n int, ends []int) int {
	// Your code goes here.
	return 0
}

func main() {
	in := bufio.NewReader(os.Stdin)
	var n int
	fmt.Fscan(in, &n)
	ends := make([]int, n)
	for i := range ends {
		fmt.Fscan(in, &ends[i])
	}
	fmt.Println(solve(n, ends))
}
