//! Assertions on a page, one a line, in fenced blocks with the language `page`.

use super::value::CssValue;
use crate::types::Target;

/// The language of blocks with assertions, and the name of the toolchain.
pub const LANGUAGE: &str = "page";

/// Whether a target is a page, which a browser renders.
pub fn is_page(target: &Target) -> bool {
    target.toolchain.as_ref().is_some_and(|id| id.as_str() == LANGUAGE)
}

/// The width in CSS pixels where a line names none.
pub const USUAL: u32 = 1280;
/// The widths that a line may name.
const WIDTHS: std::ops::RangeInclusive<u32> = 200..=4000;
/// The widths that a spec may name, with the usual one: each is a rendering.
pub const MOST_WIDTHS: usize = 8;

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageOperator {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `=`
    Is,
    /// `!=`
    IsNot,
    /// `>=`
    AtLeast,
    /// `>`
    Above,
    /// `contains`, for texts
    Contains,
}

impl PageOperator {
    fn read(word: &str) -> Option<Self> {
        Some(match word {
            "<" => Self::Below,
            "<=" => Self::AtMost,
            "=" => Self::Is,
            "!=" => Self::IsNot,
            ">=" => Self::AtLeast,
            ">" => Self::Above,
            "contains" => Self::Contains,
            _ => return None,
        })
    }

    /// Whether it compares sizes.
    pub fn is_ordering(self) -> bool {
        matches!(self, Self::Below | Self::AtMost | Self::AtLeast | Self::Above)
    }

    /// Whether a number is as wanted. Layout rounds to 1/64 of a pixel.
    pub fn holds(self, got: f64, wanted: f64) -> bool {
        let tolerance = 0.02;
        match self {
            Self::Below => got < wanted,
            Self::AtMost => got <= wanted + tolerance,
            Self::AtLeast => got >= wanted - tolerance,
            Self::Above => got > wanted,
            Self::Is => (got - wanted).abs() <= tolerance,
            Self::IsNot => (got - wanted).abs() > tolerance,
            Self::Contains => false,
        }
    }
}

/// What is asserted of the elements that a selector matches.
#[derive(Clone, Debug, PartialEq)]
pub enum PageClaim {
    /// `SELECTOR PROPERTY OP VALUE`: of each element.
    Style(String, String, PageOperator, CssValue),
    /// `SELECTOR contrast OP NUMBER`: of each text in each element.
    Contrast(String, PageOperator, f64),
    /// `SELECTOR count OP NUMBER`: of those that are seen.
    Count(String, PageOperator, f64),
    /// `SELECTOR text = "…"`: of each element.
    Text(String, PageOperator, String),
    /// `SELECTOR inside SELECTOR`: each is in one of the others.
    Inside(String, String),
    /// `SELECTOR before SELECTOR`: each comes before all of the others, also on the screen.
    Before(String, String),
    /// `no overflow`: nothing is wider than the screen.
    NoOverflow,
}

/// A line of a block.
#[derive(Clone, Debug, PartialEq)]
pub struct PageAssertion {
    /// Its text.
    pub text: String,
    /// The width of the screen.
    pub width: u32,
    /// What it asserts.
    pub claim: PageClaim,
}

impl PageAssertion {
    /// Whether a page without anything in its body passes by what is written alone.
    pub fn is_vacuous(&self) -> bool {
        match self.claim {
            PageClaim::Count(_, how, number) => how.holds(0.0, number),
            _ => false,
        }
    }
}

/// Reads a block.
///
/// # Errors
/// What is wrong, and the line in the block from 0.
pub fn read(block: &str) -> Result<Vec<PageAssertion>, (String, usize)> {
    let lines = block.lines().enumerate().map(|(at, line)| (at, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with("# "));
    let all: Vec<_> = lines
        .map(|(at, line)| self::line(line).map_err(|why| (format!("`{line}`: {why}"), at)))
        .collect::<Result<_, _>>()?;
    if all.is_empty() { Err(("the block has no assertion".to_owned(), 0)) } else { Ok(all) }
}

fn line(text: &str) -> Result<PageAssertion, String> {
    let (mut width, mut rest) = (None, text);
    if let Some((at, after)) = text.strip_prefix("at ").and_then(|rest| rest.split_once(':')) {
        (width, rest) = (Some(pixels(at)?), after.trim());
    }
    if let Some(after) = rest.strip_prefix("no overflow") {
        let after = after.trim();
        if let Some(at) = after.strip_prefix("at ").filter(|_| width.is_none()) {
            width = Some(pixels(at)?);
        } else if !after.is_empty() {
            return Err("after `no overflow` only `at NUMBERpx` may follow".to_owned());
        }
        let width = width.unwrap_or(USUAL);
        return Ok(PageAssertion { text: text.to_owned(), width, claim: PageClaim::NoOverflow });
    }
    let claim = claim(&words(rest)?)?;
    Ok(PageAssertion { text: text.to_owned(), width: width.unwrap_or(USUAL), claim })
}

fn pixels(text: &str) -> Result<u32, String> {
    let number = text.trim().strip_suffix("px").and_then(|number| number.parse::<u32>().ok());
    let number = number.filter(|number| WIDTHS.contains(number));
    number.ok_or_else(|| "a width is a whole number from 200 to 4000 with `px`".to_owned())
}

fn claim(words: &[&str]) -> Result<PageClaim, String> {
    let own = |words: &[&str]| selector(&words.join(" "));
    if let Some(at) = words.iter().position(|word| ["inside", "before"].contains(word)) {
        let (one, other) = (own(&words[..at])?, own(&words[at + 1..])?);
        let inside = words[at] == "inside";
        return Ok(if inside {
            PageClaim::Inside(one, other)
        } else {
            PageClaim::Before(one, other)
        });
    }
    let operator = words.iter().enumerate().rev();
    let mut operator = operator.filter_map(|(at, word)| Some((at, PageOperator::read(word)?)));
    let form = "write `SELECTOR PROPERTY OPERATOR VALUE`; see docs/pages.md";
    let (at, how) = operator.next().filter(|(at, _)| *at >= 2).ok_or(form)?;
    let (subject, value) = (own(&words[..at - 1])?, words[at + 1..].join(" "));
    if value.is_empty() {
        return Err(form.to_owned());
    }
    let number = |value: &str| {
        let number = value.parse::<f64>().ok().filter(|number| number.is_finite());
        number.ok_or_else(|| "it is compared with a number without a unit".to_owned())
    };
    let property = words[at - 1];
    Ok(match property {
        "text" => PageClaim::Text(subject, textual(how)?, quoted(&value)?),
        "contrast" if how.is_ordering() => PageClaim::Contrast(subject, how, number(&value)?),
        "contrast" => return Err("compare a contrast with `>=`".to_owned()),
        "count" if how != PageOperator::Contains => PageClaim::Count(subject, how, number(&value)?),
        _ => style(subject, property, how, &value)?,
    })
}

fn style(
    subject: String,
    property: &str,
    how: PageOperator,
    value: &str,
) -> Result<PageClaim, String> {
    let is_name = |c: char| c.is_ascii_lowercase() || c == '-';
    if property.is_empty() || !property.chars().all(is_name) {
        return Err(format!("`{property}` is not the name of a CSS property"));
    }
    let value = CssValue::read(property, value)?;
    if how.is_ordering() && !matches!(value, CssValue::Number(_) | CssValue::Pixels(_)) {
        return Err("only numbers and pixels are compared by size".to_owned());
    }
    if how == PageOperator::Contains && !matches!(value, CssValue::Words(_)) {
        return Err("`contains` is for texts and names".to_owned());
    }
    Ok(PageClaim::Style(subject, property.to_owned(), how, value))
}

fn textual(how: PageOperator) -> Result<PageOperator, String> {
    let is_right = matches!(how, PageOperator::Is | PageOperator::IsNot | PageOperator::Contains);
    is_right.then_some(how).ok_or_else(|| "compare a text with `=` or `contains`".to_owned())
}

fn quoted(value: &str) -> Result<String, String> {
    let text = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let text = text.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    text.filter(|text| !text.is_empty()).ok_or_else(|| "a text stands in \"…\"".to_owned())
}

/// A selector that a browser may be able to read.
fn selector(text: &str) -> Result<String, String> {
    let is_strange = text.contains(['{', '}', ';', '@', '\\']) || text.contains("::");
    if text.is_empty() || is_strange {
        return Err(format!("`{text}` is not a selector of elements"));
    }
    Ok(text.to_owned())
}

/// Words at blanks outside of brackets and quotes.
fn words(text: &str) -> Result<Vec<&str>, String> {
    let (mut all, mut start, mut depth, mut quote) = (Vec::new(), 0, 0_i32, None);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => depth -= 1,
            (None, ' ' | '\t') if depth == 0 => {
                all.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    all.push(&text[start..]);
    all.retain(|word| !word.is_empty());
    let is_whole = depth == 0 && quote.is_none();
    is_whole.then_some(all).ok_or_else(|| "a bracket or a quote is open".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolchain::page::value::CssColour;

    #[test]
    fn lines_are_read() {
        let claim = |text: &str| line(text).map(|one| one.claim);
        let pixels = |n| CssValue::Pixels(n);
        assert_eq!(
            claim("main > h1 font-size >= 32px"),
            Ok(PageClaim::Style(
                "main > h1".into(),
                "font-size".into(),
                PageOperator::AtLeast,
                pixels(32.0)
            ))
        );
        let contains =
            PageClaim::Text("a[href='x y']".into(), PageOperator::Contains, "a > b".into());
        assert_eq!(claim("a[href='x y'] text contains \"a >  b\""), Ok(contains));
        assert_eq!(claim("h1 before .a > b"), Ok(PageClaim::Before("h1".into(), ".a > b".into())));
        assert_eq!(line("at 360px: no overflow").map(|one| one.width), Ok(360));
        assert_eq!(line("no overflow at 480px").map(|one| one.width), Ok(480));
        let colour = CssColour { red: 255, green: 0, blue: 16, alpha: 1.0 };
        let style = PageClaim::Style(
            "p".into(),
            "color".into(),
            PageOperator::Is,
            CssValue::Colour(colour),
        );
        assert_eq!(claim("p color = #ff0010"), Ok(style));
    }

    #[test]
    fn wrong_lines_are_refused() {
        for text in [
            "h1",
            "h1 font-size",
            "font-size >= 3px",
            "h1 font-size >= large",
            "h1 color > #fff",
            "h1 color = crimsonish(1)",
            "h1 contrast = 4.5",
            "h1 text = hello",
            "h1 text >= \"a\"",
            "at 20px: no overflow",
            "no overflow on phones",
            "h1[a font-size = 3px",
            "h1::before color = #fff",
            "h1 inside",
            "h1 width = 3em",
        ] {
            assert!(line(text).is_err(), "{text}");
        }
    }
}
