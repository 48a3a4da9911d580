// The Largest Poster on the Fence
package main

import (
	"bufio"
	"fmt"
	"os"
)

func solve(n int, heights []int) int {
	// Your code goes here.
	return 0
}

func main() {
	in := bufio.NewReader(os.Stdin)
	var n int
	fmt.Fscan(in, &n)
	heights := make([]int, n)
	for i := range heights {
		fmt.Fscan(in, &heights[i])
	}
	fmt.Println(solve(n, heights))
}
