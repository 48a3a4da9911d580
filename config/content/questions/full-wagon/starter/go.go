// Loading the Last Wagon
package main

import (
	"bufio"
	"fmt"
	"os"
)

func solve(n int, capacity int, crates []int) int {
	// crates: two numbers weight, fee for each crate
	// Your code goes here.
	return 0
}

func main() {
	in := bufio.NewReader(os.Stdin)
	var n int
	fmt.Fscan(in, &n)
	var capacity int
	fmt.Fscan(in, &capacity)
	crates := make([]int, 2*n)
	for i := range crates {
		fmt.Fscan(in, &crates[i])
	}
	fmt.Println(solve(n, capacity, crates))
}
