//! Which tests pytest finds in a text.

use super::lines;

/// Whether pytest looks for tests in a file; in generated ones it is told to.
pub fn is_test_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.strip_suffix(".py");
    stem.is_some_and(|stem| {
        ["test_", "regen_"].iter().any(|start| stem.starts_with(start)) || stem.ends_with("_test")
    })
}

/// A class or function around a line.
struct Around {
    indent: usize,
    /// The class's name; `None` for what holds no tests.
    class: Option<String>,
}

/// The tests in a text: functions named `test…`, alone or in a class named `Test…` or of unittest.
pub fn names(text: &str) -> Vec<String> {
    let mut around: Vec<Around> = Vec::new();
    let mut found = Vec::new();
    for line in lines::read(text).0 {
        around.retain(|one| one.indent < line.indent);
        let mut words = line.code.split(|c: char| !c.is_alphanumeric() && c != '_');
        let mut words = words.by_ref().filter(|word| !word.is_empty());
        let first = match words.next() {
            Some("async") => words.next(),
            first => first,
        };
        let (Some(kind @ ("def" | "class")), Some(name)) = (first, words.next()) else { continue };
        let path: Option<Vec<&str>> = around.iter().map(|one| one.class.as_deref()).collect();
        let is_class = kind == "class";
        let holds = name.starts_with("Test") || line.code.contains("TestCase");
        if let Some(path) = path.filter(|_| !is_class && name.starts_with("test")) {
            found.push(path.into_iter().chain([name]).collect::<Vec<_>>().join("::"));
        }
        let class = (is_class && holds).then(|| name.to_owned());
        around.push(Around { indent: line.indent, class });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{is_test_file, names};

    #[test]
    fn tests_are_found_as_pytest_finds_them() {
        let text = "import pytest\n\n\ndef outer():\n    def test_inner():\n        pass\n\n\
            @pytest.mark.parametrize('a', [\n    1,\n])\ndef test_one(a):\n    '''\n    def test_no():\n\
            '''\n\n\nclass TestAll:\n    x = 1\n\n    def test_two(self):\n        pass\n\n\
            \x20   class TestInner:\n        async def test_three(self): pass\n\nclass Old(unittest.TestCase):\n\
            \x20   def setUp(self): pass\n    def testFour(self): pass\n\nclass Other:\n    def test_five(self): pass\n\
            if True:\n    def test_six(): pass\n";
        let found = ["test_one", "TestAll::test_two", "TestAll::TestInner::test_three"];
        assert_eq!(names(text), [&found[..], &["Old::testFour", "test_six"]].concat());
    }

    #[test]
    fn only_test_files_are_collected() {
        let is = ["tests/test_a.py", "a_test.py", "tests/regen_examples.py"];
        assert!(is.iter().all(|path| is_test_file(path)));
        let other = ["tests/conftest.py", "tests/support.py", "tests/test_data.json", "testing.py"];
        assert!(!other.iter().any(|path| is_test_file(path)));
    }
}
