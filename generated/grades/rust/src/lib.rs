/// A library crate that turns points into grades.
pub fn grade(points: u32) -> Option<char> {
    if points > 100 {
        None
    } else if points >= 90 {
        Some('A')
    } else if points >= 80 {
        Some('B')
    } else if points >= 70 {
        Some('C')
    } else if points >= 60 {
        Some('D')
    } else {
        Some('F')
    }
}
