// The Weakest Engine That Will Do
package main

import (
	"bufio"
	"fmt"
	"os"
)

func solve(n int, days int, wagons []int) int {
	// Your code goes here.
	return 0
}

func main() {
	in := bufio.NewReader(os.Stdin)
	var n int
	fmt.Fscan(in, &n)
	var days int
	fmt.Fscan(in, &days)
	wagons := make([]int, n)
	for i := range wagons {
		fmt.Fscan(in, &wagons[i])
	}
	fmt.Println(solve(n, days, wagons))
}
