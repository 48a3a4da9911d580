use std::io;

fn main() {
    let mut line = String::new();
    io::stdin().read_line(&mut line).expect("a line of input");
    let limit: usize = line.trim().parse().expect("a number");
    let mut composite = vec![false; limit + 1];
    let mut primes = 0;
    for number in 2..=limit {
        if composite[number] {
            continue;
        }
        primes += 1;
        for multiple in (number * number..=limit).step_by(number) {
            composite[multiple] = true;
        }
    }
    println!("{primes} primes up to {limit}");
}
