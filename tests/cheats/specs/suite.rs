use rle::*;

#[test]
fn encode_runs() {
    assert_eq!(encode("WWWWBB"), String::from("4W2B"));
}

#[test]
fn encode_single() {
    let coded: String = encode("XYZ");
    assert_eq!(coded, String::from("XYZ"));
}
