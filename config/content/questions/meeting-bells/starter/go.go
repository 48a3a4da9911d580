// When All Bells Ring Together
package main

import (
	"bufio"
	"fmt"
	"os"
)

func solve(n int, periods []int) int {
	// Your code goes here.
	return 0
}

func main() {
	in := bufio.NewReader(os.Stdin)
	var n int
	fmt.Fscan(in, &n)
	periods := make([]int, n)
	for i := range periods {
		fmt.Fscan(in, &periods[i])
	}
	fmt.Println(solve(n, periods))
}
