// Water for the Steam Engine
package main

import (
	"bufio"
	"fmt"
	"os"
)

func solve(n int, distance int, reach int, towers []int) int {
	// Your code goes here.
	return 0
}

func main() {
	in := bufio.NewReader(os.Stdin)
	var n int
	fmt.Fscan(in, &n)
	var distance int
	fmt.Fscan(in, &distance)
	var reach int
	fmt.Fscan(in, &reach)
	towers := make([]int, n)
	for i := range towers {
		fmt.Fscan(in, &towers[i])
	}
	fmt.Println(solve(n, distance, reach, towers))
}
