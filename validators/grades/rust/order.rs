//! A property over every number of points, which no list of examples can show.

#[test]
fn grade_order() {
    for points in 0..100 {
        let (here, next) = (grades::grade(points), grades::grade(points + 1));
        assert!(here >= next, "{points} points give {here:?}, one more gives {next:?}");
    }
}
