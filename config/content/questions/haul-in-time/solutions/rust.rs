use std::io::{self, Read};

fn days_needed(wagons: &[u64], strength: u64) -> u64 {
    let (mut days, mut room) = (1, strength);
    for &weight in wagons {
        if weight > room {
            days += 1;
            room = strength;
        }
        room -= weight;
    }
    days
}

fn main() {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).expect("input");
    let numbers: Vec<u64> = text.split_ascii_whitespace().map(|word| word.parse().expect("a number")).collect();
    let (days, wagons) = (numbers[1], &numbers[2..]);
    let (mut low, mut high) = (*wagons.iter().max().expect("a wagon"), wagons.iter().sum());
    while low < high {
        let middle = (low + high) / 2;
        if days_needed(wagons, middle) <= days {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    println!("{low}");
}
