fn main() {
    let args: Vec<String> = std::env::args().collect();
    if args.len() == 1 {
        println!("usage: greet NAME");
        std::process::exit(2);
    } else {
        println!("Hello, {}!", args[1]);
    }
}
