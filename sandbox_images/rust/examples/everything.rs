use std::io;

fn main() -> io::Result<()> {
    io::copy(&mut io::stdin(), &mut io::stdout())?;
    for argument in std::env::args().skip(1) {
        println!("{argument}");
    }
    print!("{}", std::fs::read_to_string("data.txt")?);
    eprintln!("to stderr");
    std::process::exit(3);
}
