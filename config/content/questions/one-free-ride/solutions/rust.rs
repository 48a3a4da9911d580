use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Read};

fn main() {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).expect("input");
    let mut numbers = text.split_ascii_whitespace().map(|word| word.parse::<u64>().expect("a number"));
    let mut next = || numbers.next().expect("another number");
    let (n, m) = (next() as usize, next());
    let mut rides = vec![Vec::new(); n + 1];
    for _ in 0..m {
        let (a, b, fare) = (next() as usize, next() as usize, next());
        rides[a].push((b, fare));
        rides[b].push((a, fare));
    }
    // A state is twice the town, plus one once the voucher is spent.
    let mut done = vec![false; 2 * n + 2];
    let mut heap = BinaryHeap::from([Reverse((0u64, 2usize))]);
    while let Some(Reverse((cost, state))) = heap.pop() {
        if state / 2 == n {
            println!("{cost}");
            return;
        }
        if std::mem::replace(&mut done[state], true) {
            continue;
        }
        for &(there, fare) in &rides[state / 2] {
            heap.push(Reverse((cost + fare, 2 * there + state % 2)));
            if state % 2 == 0 {
                heap.push(Reverse((cost, 2 * there + 1)));
            }
        }
    }
    println!("-1");
}
