// A Very Long Path of Slabs
package main

import (
	"bufio"
	"fmt"
	"os"
)

func solve(n int, k int, lengths []int) int {
	// Your code goes here.
	return 0
}

func main() {
	in := bufio.NewReader(os.Stdin)
	var n int
	fmt.Fscan(in, &n)
	var k int
	fmt.Fscan(in, &k)
	lengths := make([]int, k)
	for i := range lengths {
		fmt.Fscan(in, &lengths[i])
	}
	fmt.Println(solve(n, k, lengths))
}
