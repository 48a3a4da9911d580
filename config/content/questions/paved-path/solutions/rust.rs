use std::io::{self, Read};

const SIZE: usize = 8;
const MODULUS: u64 = 1_000_000_007;
type Matrix = [[u64; SIZE]; SIZE];

fn squared(step: &Matrix) -> Matrix {
    let mut product = [[0; SIZE]; SIZE];
    for row in 0..SIZE {
        for column in 0..SIZE {
            for inner in 0..SIZE {
                product[row][column] = (product[row][column] + step[row][inner] * step[inner][column]) % MODULUS;
            }
        }
    }
    product
}

fn main() {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).expect("input");
    let numbers: Vec<u64> = text.split_ascii_whitespace().map(|word| word.parse().expect("a number")).collect();
    let mut n = numbers[0];
    let mut step = [[0; SIZE]; SIZE];
    for &length in &numbers[2..] {
        step[0][length as usize - 1] = 1;
    }
    for row in 1..SIZE {
        step[row][row - 1] = 1;
    }
    let mut ways = [0u64; SIZE];
    ways[0] = 1;
    while n > 0 {
        if n & 1 == 1 {
            let before = ways;
            for row in 0..SIZE {
                ways[row] = (0..SIZE).map(|inner| step[row][inner] * before[inner] % MODULUS).sum::<u64>() % MODULUS;
            }
        }
        step = squared(&step);
        n >>= 1;
    }
    println!("{}", ways[0]);
}
