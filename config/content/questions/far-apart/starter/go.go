// The Two Stations Farthest Apart
package main

import (
	"bufio"
	"fmt"
	"os"
)

func solve(n int, tracks []int) int {
	// tracks: three numbers a, b, length for each track
	// Your code goes here.
	return 0
}

func main() {
	in := bufio.NewReader(os.Stdin)
	var n int
	fmt.Fscan(in, &n)
	tracks := make([]int, 3*n-3)
	for i := range tracks {
		fmt.Fscan(in, &tracks[i])
	}
	fmt.Println(solve(n, tracks))
}
