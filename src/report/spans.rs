//! Markdown of changed text whose marks may begin or end inside of code spans.

use super::markup;

/// What a character of a Markdown text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SpanKind {
    Text,
    Code,
    /// A backtick that begins or ends a code span.
    Fence,
}

/// A character and what it is.
type Spanned = (char, SpanKind);

/// The words kept at each end of a long unchanged stretch.
const KEPT_WORDS: usize = 6;
/// Unchanged stretches of more words than this are cut.
const MOST_WORDS: usize = 14;

/// Finds the code spans of a text, as CommonMark does: a span ends at the next run of as many
/// backticks as it began with.
fn spanned(text: &str) -> Vec<Spanned> {
    let text: Vec<char> = text.chars().collect();
    let mut all: Vec<Spanned> = text.iter().map(|c| (*c, SpanKind::Text)).collect();
    let run = |at: usize| text[at..].iter().take_while(|c| **c == '`').count();
    let mut at = 0;
    while at < text.len() {
        let fence = run(at);
        let mut end = at + fence;
        while fence > 0 && end < text.len() && run(end) != fence {
            end += run(end).max(1);
        }
        if fence > 0 && end < text.len() {
            all[at..end + fence].iter_mut().for_each(|one| one.1 = SpanKind::Fence);
            all[at + fence..end].iter_mut().for_each(|one| one.1 = SpanKind::Code);
            at = end + fence;
        } else {
            at += fence.max(1);
        }
    }
    all
}

fn render(text: &[Spanned]) -> String {
    let runs = text.chunk_by(|a, b| a.1 == b.1);
    let shown = runs.map(|run| {
        let text: String = run.iter().map(|one| one.0).collect();
        match run[0].1 {
            SpanKind::Text => markup::markdown_text(&text),
            SpanKind::Code => markup::markdown_code_element(&text),
            SpanKind::Fence => String::new(),
        }
    });
    shown.collect()
}

/// Markdown of one text on one line: its code spans stay, other markup is escaped.
pub fn markdown(text: &str) -> String {
    render(&spanned(text))
}

/// Markdown of stretches: unchanged (`=`), removed (`-`) and added ones (`+`). Each side is read as
/// a whole, so a mark inside of a code span divides it.
pub fn changed<'a>(stretches: impl Iterator<Item = (char, &'a str)> + Clone) -> String {
    let side = |other: char| {
        let texts = stretches.clone().filter(move |(sign, _)| *sign != other);
        spanned(&texts.map(|(_, text)| text).collect::<String>())
    };
    let (mut old, mut new) = (side('+').into_iter(), side('-').into_iter());
    let mut out = String::new();
    for (sign, text) in stretches {
        let count = text.chars().count();
        let before: Vec<Spanned> =
            if sign == '+' { Vec::new() } else { old.by_ref().take(count).collect() };
        let now: Vec<Spanned> =
            if sign == '-' { Vec::new() } else { new.by_ref().take(count).collect() };
        out += &match sign {
            '-' => marked("del", &before),
            '+' => marked("ins", &now),
            _ => render(&cut(&now)),
        };
    }
    out
}

/// A changed stretch; surrounding blanks stay outside of the mark.
fn marked(element: &str, text: &[Spanned]) -> String {
    let is_blank = |one: &Spanned| one.0.is_whitespace() && one.1 == SpanKind::Text;
    let start = text.iter().take_while(|one| is_blank(one)).count();
    let end = text.len() - text[start..].iter().rev().take_while(|one| is_blank(one)).count();
    let (before, inner, behind) = (&text[..start], &text[start..end], &text[end..]);
    let inner = render(inner);
    if inner.is_empty() {
        return render(before) + &render(behind);
    }
    format!("{}<{element}>{inner}</{element}>{}", render(before), render(behind))
}

/// Cuts a long unchanged stretch in the middle.
fn cut(text: &[Spanned]) -> Vec<Spanned> {
    let words: Vec<&[Spanned]> = text.split(|one| one.0 == ' ').collect();
    if words.len() <= MOST_WORDS {
        return text.to_vec();
    }
    let blanks: Vec<usize> = (0..text.len()).filter(|at| text[*at].0 == ' ').collect();
    let first = &text[..blanks[KEPT_WORDS - 1]];
    let last = &text[blanks[blanks.len() - KEPT_WORDS] + 1..];
    let dots = " … ".chars().map(|c| (c, SpanKind::Text));
    first.iter().copied().chain(dots).chain(last.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::{changed, markdown};

    #[test]
    fn code_spans_survive_marks_pipes_and_backticks() {
        assert_eq!(markdown("`a|b` *c*"), "<code>a&#124;b</code> \\*c\\*");
        assert_eq!(markdown("``a`b`` `c"), "<code>a&#96;b</code> \\`c");
        let inside = [('=', "the `a|"), ('-', "b"), ('+', "`c|d"), ('=', "` sum")];
        let shown = changed(inside.into_iter());
        assert_eq!(
            shown,
            "the <code>a&#124;</code><del><code>b</code></del><ins>c\\|d</ins>\\` sum",
        );
        let whole = [('-', "`old` "), ('+', "`n_w` "), ('=', "one\ntwo")];
        assert_eq!(
            changed(whole.into_iter()),
            "<del><code>old</code></del> <ins><code>n&#95;w</code></ins> one two",
        );
        let words: Vec<String> = (0..20).map(|n| format!("w{n}")).collect();
        let long = format!("`{}`", words.join(" "));
        let shown = changed([('=', long.as_str())].into_iter());
        assert_eq!(shown, "<code>w0 w1 w2 w3 w4 w5</code> … <code>w14 w15 w16 w17 w18 w19</code>");
    }
}
