// A Pair That Fills the Crane
package main

import (
	"bufio"
	"fmt"
	"os"
)

func solve(n int, target int, weights []int) string {
	// Your code goes here.
	return ""
}

func main() {
	in := bufio.NewReader(os.Stdin)
	var n int
	fmt.Fscan(in, &n)
	var target int
	fmt.Fscan(in, &target)
	weights := make([]int, n)
	for i := range weights {
		fmt.Fscan(in, &weights[i])
	}
	fmt.Println(solve(n, target, weights))
}
