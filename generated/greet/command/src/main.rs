fn main() {
    let args: Vec<String> = std::env::args().collect();
    if args.len() > 1 {
        println!("Hello, {}!", args[1]);
    } else {
        println!("usage: greet NAME");
        std::process::exit(2);
    }
}
