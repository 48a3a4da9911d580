// One Ride Is Free
package main

import (
	"bufio"
	"fmt"
	"os"
)

func solve(n int, m int, rides []int) int {
	// rides: three numbers a, b, fare for each line
	// Your code goes here.
	return 0
}

func main() {
	in := bufio.NewReader(os.Stdin)
	var n int
	fmt.Fscan(in, &n)
	var m int
	fmt.Fscan(in, &m)
	rides := make([]int, 3*m)
	for i := range rides {
		fmt.Fscan(in, &rides[i])
	}
	fmt.Println(solve(n, m, rides))
}
